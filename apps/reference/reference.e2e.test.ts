import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { type MailSink, openMailSink, type ReceivedMail } from './mail-sink.ts'
import { metricSamples } from './metric-samples.ts'
import { failToStart, type PlatformProcess, startProgram } from './platform-process.ts'

const patient = { timeout: 20_000, interval: 50 }
const chainOfRegistration = [
  'user.registered',
  'user.registration.begun',
  'user.profile.requested',
  'user.profile.created',
  'user.preferences.requested',
  'user.preferences.set',
  'user.registration.completed',
  'user.mail.requested',
  'user.mail.sent',
  'welcome-email.sent',
]

const folders: string[] = []
function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-reference-'))
  folders.push(folder)
  return folder
}
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

interface Entry {
  readonly type: string
  readonly correlationId: string
  readonly happenedAt: string
}

/** What somebody outside can ask of a platform. */
function clientOf({ address }: PlatformProcess) {
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(address + path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    })
  const get = async <Answer>(path: string, headers: Record<string, string> = {}): Promise<Answer> =>
    (await fetch(address + path, { headers })).json() as Promise<Answer>
  return {
    post,
    get,
    register: (username: string, headers: Record<string, string> = {}) =>
      post('/auth/register', { email: `${username}@example.com`, username, password: 'analytical engine' }, headers),
    chain: async (correlation: string) =>
      (await get<{ entries: Entry[] }>(`/audit?correlationId=${correlation}`)).entries,
  }
}

type Client = ReturnType<typeof clientOf>

describe('the platform in one process', () => {
  let platform: PlatformProcess
  let client: Client

  beforeAll(async () => {
    platform = await startProgram('platform', freshFolder())
    client = clientOf(platform)
  })

  it('greets with where to look and a request to copy, and is ready', async () => {
    expect(platform.greeting).toHaveLength(3)
    expect(platform.greeting[0]).toMatch(
      /^Tidings runs auth, users, notifications, commerce, audit on sqlite, at http:\/\/127\.0\.0\.1:\d+$/,
    )
    const [, url = '', header = '', body = ''] =
      /curl -s (\S+) -H '([^']+)' -d '([^']+)'$/.exec(platform.greeting[2] ?? '') ?? []
    const [name = '', value = ''] = header.split(': ')
    expect((await fetch(url, { method: 'POST', headers: { [name]: value }, body })).status).toBe(201)
    expect(await client.get('/health/live')).toEqual({ status: 'live' })
    expect(await client.get('/health/ready')).toEqual({ status: 'ready' })
    expect(platform.complaints()).toBe('')
  })

  it('does all that follows from a registration within seconds, under one correlation', async () => {
    const answer = await client.register('grace', { 'x-correlation-id': 'req-grace' })
    expect([answer.status, answer.headers.get('x-correlation-id')]).toEqual([201, 'req-grace'])
    const { userId, correlationId } = (await answer.json()) as { userId: string; correlationId: string }
    expect(correlationId).toBe('req-grace')
    await expect
      .poll(async () => (await client.chain('req-grace')).map(({ type }) => type), patient)
      .toEqual(chainOfRegistration)
    const chain = await client.chain('req-grace')
    expect(Date.parse(chain.at(-1)?.happenedAt ?? '') - Date.parse(chain[0]?.happenedAt ?? '')).toBeLessThan(5_000)
    expect(await client.get(`/users/${userId}`)).toMatchObject({ userId, username: 'grace', displayName: 'Grace' })
    const { mails } = await client.get<{ mails: ReceivedMail[] }>('/mails')
    expect(mails.filter(({ to }) => to.includes('grace@example.com'))).toEqual([
      expect.objectContaining({ subject: 'Welcome', raw: expect.stringContaining('Hello grace,') }),
    ])
    const { token } = (await (
      await client.post('/auth/login', { email: 'grace@example.com', password: 'analytical engine' })
    ).json()) as { token: string }
    await expect
      .poll(() => client.get('/auth/me', { authorization: `Bearer ${token}` }), patient)
      .toEqual({ userId, username: 'grace', profileCreated: true })
  })

  it('measures what it does', async () => {
    const answer = await fetch(`${platform.address}/metrics`)
    expect(answer.headers.get('content-type')).toContain('text/plain; version=0.0.4')
    const samples = metricSamples(await answer.text())
    const value = (name: string, labels: Record<string, string>) =>
      samples.find(
        (sample) => sample.name === name && Object.entries(labels).every(([key, text]) => sample.labels[key] === text),
      )?.value
    for (const subscription of ['users.profile', 'users.preferences', 'auth.profile-created']) {
      expect(value('tidings_events_processed_total', { subscription })).toBe(2)
      expect(value('messaging_process_duration_seconds_count', { subscription })).toBe(2)
      expect(value('tidings_subscription_parked', { subscription })).toBe(0)
    }
    expect(value('tidings_events_processed_total', { subscription: 'audit.events' })).toBeGreaterThanOrEqual(7)
    for (const service of ['auth', 'users', 'notifications', 'commerce', 'audit']) {
      expect(value('tidings_bus_ready', { service })).toBe(1)
      expect(value('tidings_publish_waiting', { service })).toBe(0)
    }
    expect(
      value('http_server_request_duration_seconds_count', {
        http_route: '/auth/register',
        http_response_status_code: '201',
      }),
    ).toBe(2)
  })

  it('refuses what is not right by field and rule, and leaks nothing', async () => {
    const bad = await client.post(
      '/auth/register',
      { email: 'nope', username: 'x', password: 'geheim' },
      { 'x-correlation-id': 'req-bad' },
    )
    expect([bad.status, bad.headers.get('content-type')]).toEqual([400, 'application/problem+json; charset=utf-8'])
    const text = await bad.text()
    expect(JSON.parse(text)).toMatchObject({
      correlationId: 'req-bad',
      errors: [
        { field: 'email' },
        { field: 'username' },
        { field: 'password', rule: 'must have at least 10 characters' },
      ],
    })
    expect(text).not.toContain('geheim')
    const taken = await client.register('grace')
    expect(taken.status).toBe(409)
    expect(await taken.json()).toMatchObject({ errors: [{ field: 'email' }, { field: 'username' }] })
    expect((await client.post('/auth/login', { email: 'grace@example.com', password: 'wrong password' })).status).toBe(
      401,
    )
  })

  it('describes itself as OpenAPI 3.1', async () => {
    const { openapi, paths } = await client.get<{ openapi: string; paths: Record<string, object> }>('/openapi.json')
    expect(openapi).toBe('3.1.0')
    expect(Object.keys(paths).toSorted()).toEqual([
      '/audit',
      '/audit/logins',
      '/auth/deletions/{deletionId}',
      '/auth/exports/{link}',
      '/auth/login',
      '/auth/logout',
      '/auth/me',
      '/auth/me/export',
      '/auth/me/logins',
      '/auth/password-reset',
      '/auth/password-reset/confirm',
      '/auth/register',
      '/auth/registrations/{userId}',
      '/commerce/orders',
      '/commerce/orders/{orderId}',
      '/commerce/orders/{orderId}/cancel',
      '/commerce/orders/{orderId}/history',
      '/commerce/orders/{orderId}/ship',
      '/commerce/products',
      '/commerce/products/{sku}',
      '/commerce/products/{sku}/counts',
      '/commerce/products/{sku}/deliveries',
      '/commerce/sales',
      '/notifications',
      '/users',
      '/users/{userId}',
      '/users/{userId}/preferences',
    ])
  })

  it('drains and ends with 0 at SIGTERM, also while a browser watches', async () => {
    const watching = await fetch(`${platform.address}/status/stream`)
    expect(watching.status).toBe(200)
    const began = performance.now()
    expect(await platform.end('SIGTERM')).toBe(0)
    expect(performance.now() - began).toBeLessThan(8_000)
    await watching.body?.cancel()
    expect(platform.complaints()).toBe('')
  })
})

describe('a platform that is killed', () => {
  let sink: MailSink
  let platform: PlatformProcess | undefined

  beforeAll(async () => {
    sink = await openMailSink()
  })
  afterEach(() => platform?.end('SIGKILL'))
  afterAll(() => sink.close())

  it('goes on where it was on the same file, and greets nobody twice', async () => {
    const folder = freshFolder()
    platform = await startProgram('platform', folder, { SMTP_URL: sink.url })
    const first = await clientOf(platform).register('once', { 'x-correlation-id': 'req-once' })
    const { userId } = (await first.json()) as { userId: string }
    const before = clientOf(platform)
    await expect
      .poll(async () => (await before.chain('req-once')).map(({ type }) => type), patient)
      .toEqual(chainOfRegistration)
    expect(await platform.end('SIGKILL')).toBe('SIGKILL')

    platform = await startProgram('platform', folder, { SMTP_URL: sink.url })
    const after = clientOf(platform)
    expect((await after.chain('req-once')).map(({ type }) => type)).toEqual(chainOfRegistration)
    expect(await after.get(`/users/${userId}`)).toMatchObject({ username: 'once' })
    // A later registration has gone through all there is before the first can be shown to be left alone.
    await after.register('later', { 'x-correlation-id': 'req-later' })
    await expect.poll(async () => (await after.chain('req-later')).length, patient).toBe(chainOfRegistration.length)
    expect(sink.mails.map(({ to }) => to)).toEqual([['once@example.com'], ['later@example.com']])
  })

  it('finishes after the restart whatever it had acknowledged before', async () => {
    const folder = freshFolder()
    platform = await startProgram('platform', folder, { SMTP_URL: sink.url })
    const { register } = clientOf(platform)
    const acknowledged: string[] = []
    const asked = Array.from({ length: 40 }, async (_, at) => {
      const answer = await register(`crash-${at}`).catch(() => undefined)
      if (answer?.status === 201) acknowledged.push(`crash-${at}`)
    })
    await expect.poll(() => acknowledged.length, { timeout: 30_000, interval: 2 }).toBeGreaterThanOrEqual(10)
    await platform.end('SIGKILL')
    await Promise.all(asked)

    platform = await startProgram('platform', folder, { SMTP_URL: sink.url })
    const { get } = clientOf(platform)
    const count = async (type: string) =>
      (await get<{ entries: Entry[] }>(`/audit?type=${type}&limit=500`)).entries.length
    await expect.poll(() => count('user.registered'), patient).toBeGreaterThanOrEqual(acknowledged.length)
    await expect
      .poll(
        async () =>
          (await count('welcome-email.sent')) === (await count('user.registered')) &&
          (await count('user.profile.created')) === (await count('user.registered')),
        patient,
      )
      .toBe(true)
    for (const username of acknowledged) {
      const greeted = sink.mails.filter(({ to }) => to.includes(`${username}@example.com`))
      expect(greeted.length, username).toBeGreaterThanOrEqual(1)
      // Killed between the mail server's answer and the record of it, a mail goes out again; whoever reads it can tell by its id.
      expect(new Set(greeted.map(({ messageId }) => messageId)).size, username).toBe(1)
    }
    expect(await platform.end('SIGTERM')).toBe(0)
  })
})

describe('the services as processes of their own', () => {
  it('do the same on one file, and each drains by itself', async () => {
    const folder = freshFolder()
    const sink = await openMailSink()
    const names = ['audit', 'notifications', 'users', 'auth'] as const
    const started = await Promise.allSettled(names.map((name) => startProgram(name, folder, { SMTP_URL: sink.url })))
    const running = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    try {
      expect(started.filter(({ status }) => status === 'rejected')).toEqual([])
      const [audit, , users, auth] = running.map(clientOf) as [Client, Client, Client, Client]
      const answer = await auth.register('apart', { 'x-correlation-id': 'req-apart' })
      const { userId } = (await answer.json()) as { userId: string }
      await expect
        .poll(async () => (await audit.chain('req-apart')).map(({ type }) => type), patient)
        .toEqual(chainOfRegistration)
      expect(await users.get(`/users/${userId}`)).toMatchObject({ username: 'apart' })
      expect(sink.mails.map(({ to }) => to)).toEqual([['apart@example.com']])
    } finally {
      expect(await Promise.all(running.map((one) => one.end('SIGTERM')))).toEqual(running.map(() => 0))
      await sink.close()
    }
    expect(running.map((one) => one.complaints())).toEqual(running.map(() => ''))
  })
})

describe('a platform that cannot start', () => {
  it('says in one line that its port is in use', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as { port: number }
    const { code, complaints } = await failToStart(freshFolder(), { PORT: String(port) })
    other.close()
    expect(code).toBe(1)
    expect(complaints).toBe(
      `Cannot start: port ${port} of 127.0.0.1 is in use. Set PORT to another, or 0 for any that is free.\n`,
    )
  })

  it('names all mistakes of its environment at once, and repeats no value', async () => {
    const { code, complaints } = await failToStart(freshFolder(), {
      PORT: 'http',
      LOG_LEVEL: 'loud',
      SMTP_URL: 'hunter2',
    })
    expect(code).toBe(1)
    expect(complaints).toMatch(
      /^Cannot start: The environment is not right: PORT must be .*; LOG_LEVEL must be .*; SMTP_URL must be .*\.\n$/,
    )
    expect(complaints).not.toContain('hunter2')
  })

  it('says which store it needs', async () => {
    const { code, complaints } = await failToStart(freshFolder(), { TIDINGS_URL: 'memory:' })
    expect(code).toBe(1)
    expect(complaints).toMatch(/^Cannot start: Services keep tables of their own and need an SQL store.*\n$/)
  })
})
