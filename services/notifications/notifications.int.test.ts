import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openServices, type ServiceHost } from '@tidings/service'
import { UserMailRequested, UserRegistered } from '@tidings-services/auth/contract'
import { createEventBus, type EventBus } from 'tidings'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'

import { scriptedMailServer } from './scripted-mail-server.ts'
import { notifications } from './service.ts'

const smtp = scriptedMailServer()
let host: ServiceHost
let auth: EventBus
const folder = mkdtempSync(join(tmpdir(), 'tidings-notifications-'))

beforeAll(async () => {
  await smtp.listen()
  const service = notifications({
    url: `smtp://127.0.0.1:${smtp.port}`,
    from: 'Test <test@example.com>',
    answersWithin: 1_500,
  })
  host = await openServices([service], { url: `sqlite:${join(folder, 'notifications.db')}` })
  await host.start()
  auth = await createEventBus({ store: host.store, source: '/auth' })
})

beforeEach(() => {
  smtp.mails.length = 0
  smtp.recipient = '250 fine'
})

afterAll(async () => {
  await auth.close()
  await host.close()
  await smtp.goAway()
  rmSync(folder, { recursive: true, force: true })
})

async function register(username: string, correlationId: string): Promise<string> {
  const userId = randomUUID()
  await auth.publish(UserRegistered, { userId, email: `${username}@example.com`, username }, { correlationId })
  await auth.publish(UserMailRequested, { userId, flowId: userId, kind: 'welcome' }, { correlationId })
  return userId
}

const sentTo = async (userId: string) =>
  (await host.app.inject(`/notifications?userId=${userId}`)).json<{ sent: { messageId: string }[] }>().sent

it('greets whoever registers, once, and tells of it', async () => {
  const userId = await register('ada', 'req-1')
  await expect.poll(() => sentTo(userId)).toHaveLength(1)
  expect(smtp.mails).toHaveLength(1)
  expect(smtp.mails[0]).toMatch(/^To: ada@example\.com$/m)
  expect(smtp.mails[0]).toContain('Hello ada,')
  const [sent] = await sentTo(userId)
  expect(smtp.mails[0]).toContain(sent?.messageId)
  const [, , answered, told] = await auth.store.getEventsByCorrelationId('req-1')
  expect(answered).toMatchObject({ type: 'user.mail.sent', data: { userId, flowId: userId, kind: 'welcome' } })
  expect(told).toMatchObject({
    type: 'welcome-email.sent',
    source: '/notifications',
    data: { userId, messageId: sent?.messageId },
  })
  expect(JSON.stringify(told)).not.toContain('ada@example.com')
})

it('waits for a mail server that is away, loses nothing, and spends no attempts on it', async () => {
  await smtp.goAway()
  const users = await Promise.all([
    register('early-1', 'req-2'),
    register('early-2', 'req-3'),
    register('early-3', 'req-4'),
  ])
  await expect
    .poll(async () => (await host.app.inject('/metrics')).body)
    .toMatch(/tidings_subscription_breaker_open\{[^}]*mail"\} 1/)
  expect(smtp.mails).toEqual([])
  await smtp.listen()
  for (const userId of users) await expect.poll(() => sentTo(userId), { timeout: 30_000 }).toHaveLength(1)
  expect(new Set(smtp.mails.map((mail) => /^To: (.*)$/m.exec(mail)?.[1]))).toEqual(
    new Set(['early-1@example.com', 'early-2@example.com', 'early-3@example.com']),
  )
  expect(smtp.mails).toHaveLength(3)
})

it('tells that the server refuses a mail for good, and greets the others', async () => {
  smtp.recipient = '550 no such mailbox'
  await register('refused', 'req-5')
  const typesOf = async () => (await auth.store.getEventsByCorrelationId('req-5')).map(({ type }) => type)
  await expect.poll(typesOf).toEqual(['user.registered', 'user.mail.requested', 'user.mail.refused'])
  smtp.recipient = '250 fine'
  const fine = await register('fine', 'req-6')
  await expect.poll(() => sentTo(fine)).toHaveLength(1)
})

it('spends attempts on a mail that the server takes without a word, and meanwhile greets the others', async () => {
  const failed = async (verdict: string): Promise<number> => {
    const { body } = await host.app.inject('/metrics')
    const line = new RegExp(`^tidings_events_failed[^{]*\\{[^}]*mail",verdict="${verdict}"\\} (\\d+)`, 'm').exec(body)
    return Number(line?.[1] ?? 0)
  }
  const [retries, away] = [await failed('retry'), await failed('unavailable')]
  smtp.silentTo.add('silent@example.com')
  const silent = await register('silent', 'req-7')
  await expect.poll(() => smtp.mails).toHaveLength(1)
  const others = await Promise.all([register('other-1', 'req-8'), register('other-2', 'req-9')])
  for (const userId of others) await expect.poll(() => sentTo(userId)).toHaveLength(1)
  await expect.poll(() => failed('retry')).toBeGreaterThan(retries)
  expect(await failed('unavailable')).toBe(away)
  smtp.silentTo.clear()
  await expect.poll(() => sentTo(silent), { timeout: 30_000 }).toHaveLength(1)
})

it('shows what it sent on this machine only, and for one user', async () => {
  expect(
    (await host.app.inject({ url: `/notifications?userId=${randomUUID()}`, remoteAddress: '10.0.0.1' })).statusCode,
  ).toBe(403)
  expect((await host.app.inject('/notifications')).json()).toMatchObject({
    errors: [{ field: 'userId', rule: 'must be a UUID' }],
  })
})
