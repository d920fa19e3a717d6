import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openServices, type ServiceHost } from '@tidings/service'
import { AccountLocked, LoginFailed, UserLoggedIn } from '@tidings-services/auth/contract'
import { createEventBus, defineEvent, type EventBus } from 'tidings'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { audit } from './service.ts'

const Unheard = defineEvent('nobody.defined-this-there')
const userId = randomUUID()
const from = { ipAddress: '10.9.8.7', userAgent: 'curl' }

let host: ServiceHost
let auth: EventBus
const folder = mkdtempSync(join(tmpdir(), 'tidings-audit-'))

beforeAll(async () => {
  host = await openServices([audit], { url: `sqlite:${join(folder, 'audit.db')}` })
  auth = await createEventBus({ store: host.store, source: '/auth' })
  // Before the service has ever started: the trail begins where the log begins.
  const { id } = await auth.publish(
    Unheard,
    { secret: 'hunter2' },
    { correlationId: 'req-1', userId, timestamp: Date.UTC(2030, 0, 1) },
  )
  await auth.publish(Unheard, {}, { correlationId: 'req-1', causationId: id, timestamp: Date.UTC(2030, 0, 2) })
  await host.start()
})

afterAll(async () => {
  await auth.close()
  await host.close()
  rmSync(folder, { recursive: true, force: true })
})

const get = async <Answer>(url: string): Promise<Answer> => (await host.app.inject(url)).json<Answer>()
const entries = async (query: string) => (await get<{ entries: Record<string, unknown>[] }>(`/audit?${query}`)).entries

it('writes down every event, also of types it has never heard of, and not what they say', async () => {
  await expect.poll(() => entries('correlationId=req-1')).toHaveLength(2)
  const [first, second] = await entries('correlationId=req-1')
  expect(first).toMatchObject({
    source: '/auth',
    type: 'nobody.defined-this-there',
    actor: `user:${userId}`,
    causationId: null,
    happenedAt: '2030-01-01T00:00:00.000Z',
  })
  expect(second).toMatchObject({ causationId: first?.eventId, actor: 'system' })
  expect(JSON.stringify(await entries('limit=500'))).not.toContain('hunter2')
})

it('finds by type, subject and time, and takes the newest where there are more than asked for', async () => {
  expect(await entries('type=nobody.defined-this-there&since=2030-01-02T00:00:00Z')).toHaveLength(1)
  expect((await entries('limit=1')).map(({ happenedAt }) => happenedAt)).toEqual([
    (await entries('limit=500')).at(-1)?.happenedAt,
  ])
  expect(await entries(`subject=${encodeURIComponent("' or 1=1 --")}`)).toEqual([])
})

it('tells logins, refusals and locks by severity', async () => {
  await auth.publish(UserLoggedIn, { userId, sessionId: randomUUID(), ...from })
  await auth.publish(LoginFailed, { account: 'hash', userId, reason: 'wrong-password', ...from })
  await auth.publish(AccountLocked, { userId, failures: 5, lockedUntil: '2030-01-01T00:15:00.000Z' })
  const logins = async (query: string) =>
    (await get<{ logins: Record<string, unknown>[] }>(`/audit/logins?${query}`)).logins
  await expect.poll(() => logins(`userId=${userId}`)).toHaveLength(3)
  const all = await logins(`userId=${userId}`)
  expect(all.map(({ type, severity, reason }) => [type, severity, reason])).toEqual([
    ['user.logged-in', 'info', null],
    ['login.failed', 'warning', 'wrong-password'],
    ['account.locked', 'critical', '5 failures'],
  ])
  expect(await logins('severity=critical')).toHaveLength(1)
  expect(JSON.stringify(all)).not.toContain('10.9.8.7')
})

it.each([
  ['/audit?limit=0', 'limit', 'must be at least 1'],
  ['/audit?limit=many', 'limit', 'must be a number'],
  ['/audit?userId=u-1', 'userId', 'is not known here'],
  ['/audit?since=yesterday', 'since', 'must be a time such as 2030-01-31T12:00:00Z'],
])('refuses %s by field and rule', async (url, field, rule) => {
  const answer = await host.app.inject(url)
  expect(answer.statusCode).toBe(400)
  expect(answer.json()).toMatchObject({ errors: [{ field, rule }] })
})

it('shows itself on this machine only', async () => {
  expect((await host.app.inject({ url: '/audit', remoteAddress: '10.0.0.1' })).statusCode).toBe(403)
  expect((await host.app.inject({ url: '/audit/logins', remoteAddress: '10.0.0.1' })).statusCode).toBe(403)
})
