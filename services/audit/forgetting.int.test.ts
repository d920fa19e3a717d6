import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openServices, type ServiceHost } from '@tidings/service'
import { ErasureRequested, LoginFailed, UserLoggedIn, UserRegistered } from '@tidings-services/auth/contract'
import { createEventBus, type EventBus, sql } from 'tidings'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { audit } from './service.ts'

let host: ServiceHost
let auth: EventBus
const folder = mkdtempSync(join(tmpdir(), 'tidings-audit-forgetting-'))

beforeAll(async () => {
  host = await openServices([audit], { url: `sqlite:${join(folder, 'audit.db')}` })
  await host.start()
  auth = await createEventBus({ store: host.store, source: '/auth' })
})

afterAll(async () => {
  await auth.close()
  await host.close()
  rmSync(folder, { recursive: true, force: true })
})

const trail = async () =>
  (await host.store.query(sql`select type, subject, actor from audit_events order by happened_at, event_id`)) as {
    type: string
    subject: string
    actor: string
  }[]
const of = async (type: string) => (await trail()).filter((one) => one.type === type)

it('keeps the trail and takes the person out of it, also out of what is heard later', async () => {
  const [userId, stranger] = [randomUUID(), randomUUID()]
  const account = 'hash-of-an-address'
  const from = { ipAddress: '10.9.8.7', userAgent: 'curl' }
  for (const id of [userId, stranger]) {
    await auth.publish(UserRegistered, { userId: id, email: 'x@example.com', username: 'x' }, { userId: id })
    await auth.publish(UserLoggedIn, { userId: id, sessionId: randomUUID(), ...from }, { userId: id })
  }
  await auth.publish(LoginFailed, { account, userId, reason: 'wrong-password', ...from })
  const logins = async () =>
    (await host.app.inject('/audit/logins')).json<{ logins: { userId: string | null }[] }>().logins
  await expect.poll(logins).toHaveLength(3)
  await expect.poll(trail).toHaveLength(5)

  const ask = { deletionId: randomUUID(), userId, services: ['audit'], account }
  await auth.publish(ErasureRequested, ask, { userId, correlationId: 'erase' })
  const answer = async () =>
    (await auth.store.getEventsByCorrelationId('erase')).find(({ type }) => type === 'user.erasure.done')?.data
  await expect.poll(answer).toMatchObject({ service: 'audit', rows: { audit_logins: 2 } })

  const [failed] = await of('login.failed')
  expect(failed?.subject).toMatch(/^erased:[0-9a-f-]{36}$/)
  const pseudonym = failed?.subject
  expect(await of('user.registered')).toEqual([
    { type: 'user.registered', subject: pseudonym, actor: pseudonym },
    { type: 'user.registered', subject: stranger, actor: `user:${stranger}` },
  ])
  expect((await logins()).map(({ userId: id }) => id)).toEqual([stranger])

  await auth.publish(UserLoggedIn, { userId, sessionId: randomUUID(), ...from }, { userId })
  await expect.poll(() => of('user.logged-in')).toHaveLength(3)
  expect((await of('user.logged-in')).filter(({ subject }) => subject === pseudonym)).toHaveLength(2)
  await expect.poll(async () => (await logins()).some(({ userId: id }) => id === pseudonym)).toBe(true)
  expect(JSON.stringify(await trail())).not.toContain(account)

  // Asked again, it finds nothing more of the person, and keeps to the pseudonym.
  await auth.publish(ErasureRequested, ask, { correlationId: 'erase-2' })
  await expect
    .poll(async () => (await auth.store.getEventsByCorrelationId('erase-2')).map(({ type }) => type))
    .toContain('user.erasure.done')
  expect((await of('user.registered')).map(({ subject }) => subject)).toEqual([pseudonym, stranger])
})

it('keeps no hash of an address of failed logins, also of those that are heard after the erasure', async () => {
  const userId = randomUUID()
  const day = (at: number) => Date.UTC(2040, 0, 1 + at)
  const account = 'hash-of-a-late-address'
  const failed = { account, ipAddress: '10.9.8.7', userAgent: 'curl' } as const
  const subjects = async () =>
    (
      await host.store.query(sql`
      select subject from audit_events where type = 'login.failed' and happened_at >= ${day(0)} order by happened_at`)
    ).map(({ subject }) => subject)
  await auth.publish(LoginFailed, { ...failed, userId, reason: 'wrong-password' }, { timestamp: day(1) })
  await expect.poll(subjects).toEqual([userId])

  const ask = { deletionId: randomUUID(), userId, services: ['audit'], account }
  await auth.publish(ErasureRequested, ask, { correlationId: 'erase-late' })
  await expect
    .poll(async () => (await auth.store.getEventsByCorrelationId('erase-late')).map(({ type }) => type))
    .toContain('user.erasure.done')
  // As after a long pause, when the request to erase overtakes what happened before it; and a try at the address that nobody has any more.
  await auth.publish(LoginFailed, { ...failed, userId, reason: 'locked' }, { timestamp: day(2) })
  await auth.publish(LoginFailed, { ...failed, userId: null, reason: 'unknown-account' }, { timestamp: day(3) })
  await expect.poll(subjects).toHaveLength(3)
  const [first, second, nobody] = await subjects()
  expect(first).toMatch(/^erased:/)
  expect([second, nobody]).toEqual([first, 'unknown-account'])
  expect(JSON.stringify(await trail())).not.toMatch(new RegExp(`${account}|${userId}`))
})
