import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { type EventBus, operationsOf } from 'tidings'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { findInTables } from './find-in-tables.ts'
import { type FlowClient, flowClient, password } from './flow-client.ts'
import { type MailSink, openMailSink } from './mail-sink.ts'
import { type OpenPlatform, type OpenPlatformOptions, openPlatform } from './open-platform.ts'

// All four flows over HTTP on SQLite in one process, and what becomes of them when a service is down or answers too late.

const patient = { timeout: 20_000, interval: 20 }

let sink: MailSink
let folder: string
let url: string
let platform: OpenPlatform
let client: FlowClient

beforeAll(async () => {
  sink = await openMailSink()
})
afterAll(() => sink.close())
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidings-flows-'))
  url = `sqlite:${join(folder, 'platform.db')}`
})
afterEach(async () => {
  await platform?.host.close()
  rmSync(folder, { recursive: true, force: true })
})

async function open(options: Partial<OpenPlatformOptions> = {}): Promise<void> {
  platform = await openPlatform({ url, smtp: sink.url, ...options })
  client = flowClient(() => platform.addresses, sink.mails)
}

/** Some services go, or come back. */
async function reopen(options: Partial<OpenPlatformOptions> = {}): Promise<void> {
  await platform.host.close()
  await open(options)
}

describe('a registration', () => {
  it('ends with profile, preferences and welcome, and says how far it is', async () => {
    await open()
    const userId = await client.register('reg-ada')
    await expect.poll(() => client.subjects('reg-ada'), patient).toEqual(['Welcome'])
    await expect
      .poll(async () => (await client.ask('GET', `/auth/registrations/${userId}`)).body, patient)
      .toEqual({
        userId,
        status: 'completed',
        beganAt: expect.any(String),
        endedAt: expect.any(String),
        steps: { profile: expect.any(String), preferences: expect.any(String), welcomeMail: expect.any(String) },
      })
    expect((await client.ask('GET', `/users/${userId}/preferences`)).body).toEqual({
      language: 'en',
      theme: 'system',
      newsletter: false,
    })
    const changed = { language: 'de-AT', theme: 'dark', newsletter: true }
    expect((await client.ask('PUT', `/users/${userId}/preferences`, { body: changed })).body).toEqual(changed)
    expect((await client.ask('GET', `/users/${userId}/preferences`)).body).toEqual(changed)
    const bad = await client.ask('PUT', `/users/${userId}/preferences`, { body: { ...changed, theme: 'pink' } })
    expect([bad.status, bad.body['errors']]).toEqual([400, [{ field: 'theme', rule: 'must be light, dark or system' }]])
  })

  it('is taken back where the profile never comes: a mail says so, and the address is free again', async () => {
    // Long enough to log in before it is over, which takes a while on a busy machine.
    await open({ services: ['notifications', 'audit'], patience: { registrationStep: 2_000 } })
    const userId = await client.register('reg-lost')
    const token = await client.tokenOf('reg-lost')
    await expect.poll(() => client.progress(userId), patient).toBe('failed')
    await expect.poll(() => client.subjects('reg-lost'), patient).toEqual(['Your registration has failed'])
    expect((await client.ask('GET', '/auth/me', { token })).status).toBe(401)
    expect((await client.login('reg-lost')).status).toBe(401)
    await expect.poll(async () => (await findInTables(url, ['reg-lost'])).found, patient).toEqual([])

    // The service that was down hears all of it afterwards, and makes nothing of it.
    await reopen()
    const again = await client.register('reg-lost')
    await expect.poll(() => client.progress(again), patient).toBe('completed')
    expect((await client.ask('GET', `/users/${userId}`)).status).toBe(404)
    await expect.poll(() => client.subjects('reg-lost'), patient).toEqual(['Your registration has failed', 'Welcome'])
  })

  it('waits for a service that is away, and goes on when it is back', async () => {
    await open({ services: ['notifications', 'audit'] })
    const userId = await client.register('reg-wait', 'reg-wait')
    await expect.poll(() => client.types('reg-wait'), patient).toContain('user.profile.requested')
    expect(await client.progress(userId)).toBe('registering')
    await reopen()
    await expect.poll(() => client.progress(userId), patient).toBe('completed')
    await expect.poll(() => client.subjects('reg-wait'), patient).toEqual(['Welcome'])
  })
})

describe('a deletion', () => {
  const erasers = ['audit', 'auth', 'commerce', 'notifications', 'users']

  it('erases every service and says what was erased where; nothing of the person is left in any table', async () => {
    await open()
    const userId = await client.register('del-grace')
    await expect.poll(() => client.progress(userId), patient).toBe('completed')
    await expect.poll(() => client.subjects('del-grace'), patient).toEqual(['Welcome'])
    await client.login('del-grace', 'wrong password')
    const orderId = await client.order('del-tea', userId)
    const [token, other] = [await client.tokenOf('del-grace'), await client.tokenOf('del-grace')]
    await client.ask('POST', '/auth/password-reset', { body: { email: 'del-grace@example.com' } })
    await client.ask('POST', '/auth/me/export', { token })
    await expect.poll(() => client.secretFor('del-grace', 'Your data'), patient).toBeDefined()
    await expect.poll(() => client.secretFor('del-grace', 'A new password'), patient).toBeDefined()
    const [code, link] = [client.secretFor('del-grace', 'A new password'), client.secretFor('del-grace', 'Your data')]
    expect((await findInTables(url, ['del-grace'])).found.length).toBeGreaterThan(5)

    const asked = await client.ask<{ deletionId: string }>('DELETE', '/auth/me', { token, body: { password } })
    expect(asked.status).toBe(202)
    // From here on nobody gets in, however far the erasure is.
    for (const gone of [token, other]) expect((await client.ask('GET', '/auth/me', { token: gone })).status).toBe(401)
    expect((await client.login('del-grace')).status).toBe(401)

    const { deletionId } = asked.body
    await expect.poll(async () => (await client.deletion(deletionId)).body.status, patient).toBe('completed')
    const { body } = await client.deletion(deletionId)
    expect(body.farewell).toBe('sent')
    expect(body.erased.map(({ service }) => service).toSorted()).toEqual(erasers)
    expect(body.erased.at(-1)).toMatchObject({
      service: 'auth',
      rows: { auth_users: 1, auth_exports: 1, auth_export_parts: 5, auth_login_failures: expect.any(Number) },
    })
    expect(body.erased.find(({ service }) => service === 'commerce')?.rows).toEqual({ commerce_customer_orders: 1 })
    expect(client.subjects('del-grace').at(-1)).toBe('Goodbye')

    expect((await client.ask('GET', `/users/${userId}`)).status).toBe(404)
    expect((await client.ask('GET', `/auth/registrations/${userId}`)).status).toBe(404)
    // Books are kept; whoever is gone orders nothing more.
    expect((await client.ask('GET', `/commerce/orders/${orderId}`)).body).toMatchObject({ total: 100 })
    await expect(client.order('del-rum', userId)).rejects.toThrow('409')
    expect((await client.ask('GET', new URL(link as string).pathname)).status).toBe(404)
    const late = { body: { code, password: 'another password' } }
    expect((await client.ask('POST', '/auth/password-reset/confirm', late)).status).toBe(410)

    // The audit trail still records the end of it; then all tables are looked through.
    const isRecorded = async () =>
      (await client.ask<{ entries: object[] }>('GET', '/audit?type=user.deleted')).body.entries.length
    await expect.poll(isRecorded, patient).toBe(1)
    const personal = ['del-grace', 'Del Grace', '127.0.0.1']
    expect((await findInTables(url, personal)).tables).toBeGreaterThan(20)
    // Read models may be a moment behind their log.
    await expect.poll(async () => (await findInTables(url, personal)).found, patient).toEqual([])
    // And whoever comes by the same name is somebody else.
    const next = await client.register('del-grace')
    expect(next).not.toBe(userId)
    await expect.poll(() => client.progress(next), patient).toBe('completed')
  })

  it('wants the password, and locks whoever guesses it', async () => {
    await open()
    await client.register('del-guess')
    const token = await client.tokenOf('del-guess')
    const guess = (given: object) => client.ask('DELETE', '/auth/me', { token, body: given })
    const none = await guess({})
    expect([none.status, none.body['errors']]).toEqual([400, [{ field: 'password', rule: 'must be text' }]])
    expect((await client.ask('DELETE', '/auth/me', { body: { password } })).status).toBe(401)
    for (let at = 0; at < 5; at++) expect((await guess({ password: `wrong ${at}` })).status).toBe(403)
    expect((await guess({ password })).status).toBe(423)
    expect((await client.login('del-guess')).status).toBe(423)
    expect((await client.ask('GET', '/auth/me', { token })).status).toBe(200)
    // Each guess is told to those who watch, and so is the lock.
    const told = async (type: string) =>
      (await client.ask<{ entries: object[] }>('GET', `/audit?type=${type}`)).body.entries.length
    await expect.poll(() => told('account.locked'), patient).toBe(1)
    await expect.poll(() => told('login.failed'), patient).toBe(7)

    // A flood is refused to its last, and locks as well.
    await client.register('del-flood')
    const session = await client.tokenOf('del-flood')
    const flood = Array.from({ length: 12 }, (_, at) =>
      client.ask('DELETE', '/auth/me', { token: session, body: { password: `wrong ${at}` } }),
    )
    const statuses = new Set((await Promise.all(flood)).map(({ status }) => status))
    expect([...statuses].every((status) => status === 403 || status === 423)).toBe(true)
    expect((await client.ask('DELETE', '/auth/me', { token: session, body: { password } })).status).toBe(423)
  })

  it('is stuck, and says so, where a service never answers; and ends as soon as it does', async () => {
    await open()
    const userId = await client.register('del-stuck')
    await expect.poll(() => client.progress(userId), patient).toBe('completed')
    const token = await client.tokenOf('del-stuck')
    const patience = { eraseAgain: 40, eraseStuckAfter: 3 }
    await reopen({ services: ['notifications', 'audit'], patience })
    const asked = await client.ask<{ deletionId: string; correlationId: string }>('DELETE', '/auth/me', {
      token,
      body: { password },
    })
    const { deletionId, correlationId } = asked.body
    await expect.poll(async () => (await client.deletion(deletionId)).body.status, patient).toBe('stuck')
    const { body } = await client.deletion(deletionId)
    expect(body.asked).toBeGreaterThan(3)
    expect(body.erased.map(({ service }) => service).toSorted()).toEqual(['audit', 'notifications'])
    await expect
      .poll(async () => (await client.types(correlationId)).filter((type) => type === 'user.deletion.stuck'), patient)
      .toHaveLength(1)
    expect((await client.login('del-stuck')).status).toBe(401)
    // Its own tables are still needed to know whom all of this is about.
    expect((await findInTables(url, ['del-stuck@example.com'])).found).not.toEqual([])

    await reopen({ patience })
    await expect.poll(async () => (await client.deletion(deletionId)).body.status, patient).toBe('completed')
    const report = (await client.deletion(deletionId)).body
    expect(report.erased.map(({ service }) => service).toSorted()).toEqual(erasers)
    await expect.poll(async () => (await findInTables(url, ['del-stuck', 'Del Stuck'])).found, patient).toEqual([])
    const stuck = (await client.types(correlationId)).filter((type) => type === 'user.deletion.stuck')
    expect(stuck).toHaveLength(1)
  })

  it('goes on without a farewell where no mail can be sent in time', async () => {
    await open()
    const userId = await client.register('del-mute')
    await expect.poll(() => client.progress(userId), patient).toBe('completed')
    const token = await client.tokenOf('del-mute')
    await reopen({ services: ['users', 'audit'], patience: { farewell: 100, eraseAgain: 200 } })
    const asked = await client.ask<{ deletionId: string }>('DELETE', '/auth/me', { token, body: { password } })
    const { deletionId } = asked.body
    await expect.poll(async () => (await client.deletion(deletionId)).body.farewell, patient).toBe('not in time')
    await reopen({ patience: { eraseAgain: 200 } })
    await expect.poll(async () => (await client.deletion(deletionId)).body.status, patient).toBe('completed')
    await expect.poll(async () => (await findInTables(url, ['del-mute'])).found, patient).toEqual([])
  })

  it('asks again at once when an operator says so', async () => {
    await open({
      services: ['notifications', 'audit'],
      patience: { eraseAgain: 3_600_000, registrationStep: 3_600_000 },
    })
    await client.register('del-signal')
    const token = await client.tokenOf('del-signal')
    const asked = await client.ask<{ deletionId: string }>('DELETE', '/auth/me', { token, body: { password } })
    const { deletionId } = asked.body
    await expect.poll(async () => (await client.deletion(deletionId)).body.erased.length, patient).toBe(2)
    expect((await client.deletion(deletionId)).body.asked).toBe(1)
    const { sagas } = operationsOf(platform.host.buses.get('auth') as EventBus)
    await sagas.signal({ saga: 'user-deletion', key: deletionId }, { name: 'again' })
    await expect.poll(async () => (await client.deletion(deletionId)).body.asked, patient).toBe(2)
  })

  it('knows no other report', async () => {
    await open()
    expect((await client.deletion('8a4b6a0e-30a5-4d4c-8d7a-3a4f4b1f8f11')).status).toBe(404)
    const odd = await client.deletion('7')
    expect([odd.status, (odd.body as unknown as { errors: object[] }).errors]).toEqual([
      400,
      [{ field: 'deletionId', rule: 'must be a UUID' }],
    ])
  })
})
