import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { type FlowClient, flowClient } from './flow-client.ts'
import { type MailSink, openMailSink } from './mail-sink.ts'
import { type OpenPlatform, type OpenPlatformOptions, openPlatform } from './open-platform.ts'

// The flows whose secrets go by mail: another password, and the export of all that is held of somebody.

const patient = { timeout: 20_000, interval: 20 }
const another = 'difference engine'

let sink: MailSink
let folder: string
let url: string
let now: number | undefined
let platform: OpenPlatform
let client: FlowClient

beforeAll(async () => {
  sink = await openMailSink()
})
afterAll(() => sink.close())
beforeEach(() => {
  now = undefined
  folder = mkdtempSync(join(tmpdir(), 'tidings-flows-'))
  url = `sqlite:${join(folder, 'platform.db')}`
})
afterEach(async () => {
  await platform?.host.close()
  rmSync(folder, { recursive: true, force: true })
})

async function open(options: Partial<OpenPlatformOptions> = {}): Promise<void> {
  platform = await openPlatform({ url, smtp: sink.url, now: () => now ?? Date.now(), ...options })
  client = flowClient(() => platform.addresses, sink.mails)
}

async function reopen(options: Partial<OpenPlatformOptions> = {}): Promise<void> {
  await platform.host.close()
  await open(options)
}

async function complete(username: string): Promise<string> {
  const userId = await client.register(username)
  await expect.poll(() => client.progress(userId), patient).toBe('completed')
  return userId
}

/** All that any table and the log hold, as text. */
function everythingKept(): string {
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name)).toString('latin1'))
    .join('\n')
}

const count = async (type: string): Promise<number> =>
  (await client.ask<{ entries: object[] }>('GET', `/audit?type=${type}&limit=500`)).body.entries.length

describe('a password reset', () => {
  const ask = (username: string) =>
    client.ask('POST', '/auth/password-reset', { body: { email: `${username}@example.com` } })
  const confirm = (code: unknown, given: unknown = another) =>
    client.ask('POST', '/auth/password-reset/confirm', { body: { code, password: given } })
  const codeOf = async (username: string, not?: string): Promise<string> => {
    const found = (): string | undefined => {
      const code = client.secretFor(username, 'A new password')
      return code === not ? undefined : code
    }
    await expect.poll(found, patient).toBeDefined()
    return found() as string
  }

  it('lets the code of the mail choose another password once, and ends all sessions', async () => {
    await open()
    await complete('res-ada')
    const token = await client.tokenOf('res-ada')
    expect((await ask('res-ada')).status).toBe(202)
    const code = await codeOf('res-ada')
    expect(code).toMatch(/^[\w-]{43}$/)
    expect((await client.login('res-ada')).status).toBe(200)
    expect((await confirm(code)).status).toBe(204)
    expect((await client.ask('GET', '/auth/me', { token })).status).toBe(401)
    expect((await client.login('res-ada')).status).toBe(401)
    expect((await client.login('res-ada', another)).status).toBe(200)
    await expect
      .poll(() => client.subjects('res-ada'), patient)
      .toEqual(['Welcome', 'A new password', 'Your password was changed'])
    expect((await confirm(code)).status).toBe(410)
    // Nothing that is kept, the log included, opens anything.
    const kept = everythingKept()
    expect(kept).toContain('password-reset.confirmed')
    for (const secret of [code, another, token]) expect(kept).not.toContain(secret)
  })

  it('answers alike for an address that nobody has, and sends nothing', async () => {
    await open()
    await complete('res-known')
    const [known, unknown] = [await ask('res-known'), await ask('res-nobody')]
    const plain = ({ status, body }: typeof known) => ({ status, body: { ...body, correlationId: '' } })
    expect(plain(unknown)).toEqual(plain(known))
    expect([...unknown.headers.keys()].toSorted()).toEqual([...known.headers.keys()].toSorted())
    await codeOf('res-known')
    await expect.poll(() => count('password-reset.requested'), patient).toBe(2)
    expect(await count('sealing-key.requested')).toBe(1)
    expect(sink.mails.filter(({ to }) => to.includes('res-nobody@example.com'))).toEqual([])
  })

  it('takes three an hour for one address, whether somebody has it or not, however many ask at once', async () => {
    now = Date.now()
    await open()
    await complete('res-flood')
    for (const username of ['res-flood', 'res-ghost']) {
      const answers = await Promise.all(Array.from({ length: 6 }, () => ask(username)))
      const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b)
      expect(statuses, username).toEqual([202, 202, 202, 429, 429, 429])
      expect(Number((await ask(username)).headers.get('retry-after'))).toBeLessThanOrEqual(3_600)
    }
    now += 3_600_000
    expect((await ask('res-flood')).status).toBe(202)
  })

  it('leaves only the newest code in force', async () => {
    await open()
    await complete('res-twice')
    await ask('res-twice')
    const first = await codeOf('res-twice')
    await ask('res-twice')
    const second = await codeOf('res-twice', first)
    expect((await confirm(first)).status).toBe(410)
    expect((await confirm(second)).status).toBe(204)
  })

  it('lets one of two win who use a code at the same time', async () => {
    await open()
    await complete('res-race')
    await ask('res-race')
    const code = await codeOf('res-race')
    const statuses = (await Promise.all([confirm(code), confirm(code), confirm(code)])).map(({ status }) => status)
    expect(statuses.toSorted((a, b) => a - b)).toEqual([204, 410, 410])
  })

  it('refuses a code whose time is over, and forgets it', async () => {
    await open({ patience: { passwordReset: 1_500 } })
    await complete('res-late')
    await ask('res-late')
    const code = await codeOf('res-late')
    await expect.poll(() => count('password-reset.expired'), patient).toBe(1)
    expect((await confirm(code)).status).toBe(410)
    expect((await client.login('res-late')).status).toBe(200)
    expect(client.subjects('res-late')).toEqual(['Welcome', 'A new password'])
  })

  it('refuses it by the clock, too, where the saga is behind', async () => {
    now = Date.now()
    await open()
    await complete('res-clock')
    await ask('res-clock')
    const code = await codeOf('res-clock')
    now += 3_600_000
    expect((await confirm(code)).status).toBe(410)
  })

  it('names field and rule of what is not right, and repeats nothing', async () => {
    await open()
    await complete('res-rules')
    await ask('res-rules')
    const code = await codeOf('res-rules')
    const bad = await confirm('short', 'geheim')
    expect([bad.status, bad.body['errors']]).toEqual([
      400,
      [
        { field: 'code', rule: 'must be the code of the mail, 43 characters' },
        { field: 'password', rule: 'must have at least 10 characters' },
      ],
    ])
    expect(bad.text).not.toContain('geheim')
    const mine = await confirm(code, 'not-res-rules-again')
    expect([mine.status, mine.body['errors']]).toEqual([
      400,
      [{ field: 'password', rule: 'must not hold the username or the e-mail address' }],
    ])
    // A password that was refused has not used the code up.
    expect((await confirm(code)).status).toBe(204)
    expect((await client.ask('POST', '/auth/password-reset', { body: { email: 'no' } })).body['errors']).toEqual([
      { field: 'email', rule: 'must be an e-mail address' },
    ])
    expect((await confirm('x'.repeat(43))).status).toBe(410)
  })

  it('opens an account that guesses have locked', async () => {
    await open()
    await complete('res-locked')
    for (let at = 0; at < 5; at++) await client.login('res-locked', `wrong ${at}`)
    expect((await client.login('res-locked')).status).toBe(423)
    await ask('res-locked')
    await confirm(await codeOf('res-locked'))
    expect((await client.login('res-locked', another)).status).toBe(200)
  })
})

describe('an export', () => {
  interface Exported {
    readonly userId: string
    readonly complete: boolean
    readonly missing: readonly string[]
    readonly services: Readonly<Record<string, readonly Record<string, readonly object[]>[]>>
  }

  const request = (token: string) => client.ask<{ exportId: string }>('POST', '/auth/me/export', { token })
  const linkOf = async (username: string, subject = 'Your data'): Promise<string> => {
    await expect.poll(() => client.secretFor(username, subject), patient).toBeDefined()
    const link = new URL(client.secretFor(username, subject) as string)
    expect(link.origin).toBe('https://accounts.example')
    return link.pathname
  }
  const publicUrl = 'https://accounts.example'

  it('gathers what every service holds, and hands it out by a link that works until it expires', async () => {
    now = Date.now()
    await open({ patience: { publicUrl } })
    const userId = await complete('exp-ada')
    await client.login('exp-ada', 'wrong password')
    const orderId = await client.order('exp-tea', userId)
    await client.order('exp-rum', randomUUID())
    const token = await client.tokenOf('exp-ada')
    const asked = await request(token)
    expect(asked.status).toBe(202)
    const path = await linkOf('exp-ada')
    const answer = await client.ask<Exported>('GET', path)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('content-disposition')).toContain('attachment')
    expect(answer.body).toMatchObject({ exportId: asked.body.exportId, userId, complete: true, missing: [] })
    const { services } = answer.body
    expect(Object.keys(services)).toEqual(['audit', 'auth', 'commerce', 'notifications', 'users'])
    expect(services['auth']?.[0]).toMatchObject({
      accounts: [{ userId, email: 'exp-ada@example.com', username: 'exp-ada', state: 'active' }],
      sessions: [{ beganAt: expect.any(String) }],
      logins: ['user.logged-in', 'login.failed'].map((what) => ({
        what,
        ipAddress: '127.0.0.1',
        userAgent: expect.any(String),
      })),
    })
    expect(services['users']?.[0]).toMatchObject({
      profiles: [{ displayName: 'Exp Ada' }],
      preferences: [{ language: 'en' }],
    })
    expect(services['notifications']?.[0]).toMatchObject({ addresses: [{ email: 'exp-ada@example.com' }] })
    expect(services['audit']?.[0]?.['events']?.length).toBeGreaterThan(3)
    expect(services['commerce']).toMatchObject([{ orders: [{ orderId, total: 100, lines: [{ sku: 'exp-tea' }] }] }])
    expect(services['commerce']?.[0]?.['orders']).toHaveLength(1)
    for (const secret of ['argon2', token, 'token_hash']) expect(answer.text).not.toContain(secret)

    const mine = async () =>
      (await client.ask<{ exports: { status: string }[] }>('GET', '/auth/me/export', { token })).body.exports
    expect(await mine()).toMatchObject([{ status: 'ready', missing: [] }])
    expect((await client.ask('GET', path, { token })).status).toBe(200)
    await complete('exp-eve')
    expect((await client.ask('GET', path, { token: await client.tokenOf('exp-eve') })).status).toBe(404)
    expect(everythingKept()).not.toContain(path.slice('/auth/exports/'.length))

    now += 86_400_000
    expect((await client.ask('GET', path)).status).toBe(410)
    expect((await client.ask('GET', `/auth/exports/${'x'.repeat(43)}`)).status).toBe(404)
    const odd = await client.ask('GET', '/auth/exports/7')
    expect([odd.status, odd.body['errors']]).toEqual([
      400,
      [{ field: 'link', rule: 'must be the link of the mail, 43 characters at its end' }],
    ])
  })

  it('erases what it gathered when the link expires', async () => {
    await open({ patience: { publicUrl, exportLink: 1_500 } })
    await complete('exp-late')
    await request(await client.tokenOf('exp-late'))
    const path = await linkOf('exp-late')
    await expect.poll(() => count('user.export.expired'), patient).toBe(1)
    expect((await client.ask('GET', path)).status).toBe(410)
    const parts = { text: ['select count(*) as parts from auth_export_parts'], values: [] }
    expect(await platform.host.store.query(parts)).toEqual([{ parts: 0 }])
  })

  it('is handed out with a gap, and says so, where a service never sends its part', async () => {
    await open()
    await complete('exp-gap')
    await reopen({
      services: ['users', 'notifications', 'commerce'],
      patience: { publicUrl, exportAgain: 60, exportWithin: 400 },
    })
    await request(await client.tokenOf('exp-gap'))
    const path = await linkOf('exp-gap', 'Your data, with gaps')
    const { body } = await client.ask<Exported>('GET', path)
    expect(body).toMatchObject({ complete: false, missing: ['audit'] })
    expect(Object.keys(body.services)).toEqual(['auth', 'commerce', 'notifications', 'users'])
    // What comes too late changes nothing of what was handed out.
    await reopen({ patience: { publicUrl } })
    await expect.poll(() => count('user.export.completed'), patient).toBe(1)
    await expect.poll(() => count('user.data.collected'), patient).toBeGreaterThanOrEqual(3)
    expect((await client.ask<Exported>('GET', path)).body).toEqual(body)
  })

  it('asks a service again that was away, and waits for it', async () => {
    await open()
    await complete('exp-wait')
    const patience = { publicUrl, exportAgain: 100 }
    await reopen({ services: ['users', 'notifications'], patience })
    const token = await client.tokenOf('exp-wait')
    await request(token)
    const again = await request(token)
    expect(again.status).toBe(409)
    await reopen({ patience })
    const { body } = await client.ask<Exported>('GET', await linkOf('exp-wait'))
    expect(body.complete).toBe(true)
    expect(body.services['audit']?.length).toBeGreaterThanOrEqual(1)
  })

  it('wants a login', async () => {
    await open()
    expect((await client.ask('POST', '/auth/me/export')).status).toBe(401)
    expect((await client.ask('GET', '/auth/me/export')).status).toBe(401)
  })
})
