import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openServices, type ServiceHost } from '@tidings/service'
import { ErasureRequested, UserMailRequested, UserRegistered } from '@tidings-services/auth/contract'
import { createEventBus, type EventBus } from 'tidings'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { type SealingKey, SealingKeyRequested, sealedFor, sealText } from './contract/index.ts'
import { notifications } from './service.ts'

// What is sealed for mails, and what becomes of mails to those who are gone. No mail server listens here: what would be sent waits.

let host: ServiceHost
let auth: EventBus
const folder = mkdtempSync(join(tmpdir(), 'tidings-notifications-secrets-'))
const open = () =>
  openServices([notifications({ url: 'smtp://127.0.0.1:9', from: 'Test <test@example.com>' })], {
    url: `sqlite:${join(folder, 'notifications.db')}`,
  })

beforeAll(async () => {
  host = await open()
  await host.start()
  auth = await createEventBus({ store: host.store, source: '/auth' })
})

afterAll(async () => {
  await auth.close()
  await host.close()
  rmSync(folder, { recursive: true, force: true })
})

const heard = async (correlationId: string, type: string) =>
  (await auth.store.getEventsByCorrelationId(correlationId)).find((event) => event.type === type)?.data

async function sealingKey(): Promise<SealingKey> {
  const flowId = randomUUID()
  await auth.publish(SealingKeyRequested, { flowId }, { correlationId: flowId })
  await expect.poll(() => heard(flowId, 'sealing-key.told')).toMatchObject({ flowId })
  const { keyId, publicKey } = (await heard(flowId, 'sealing-key.told')) as SealingKey
  return { keyId, publicKey }
}

it('tells everybody the same key, before and after a restart, and never the other half', async () => {
  const key = await sealingKey()
  expect(await sealingKey()).toEqual(key)
  const again = await open()
  expect(
    (await again.store.query({ text: ['select key_id from notifications_sealing_keys'], values: [] })).map(
      (row) => row['key_id'],
    ),
  ).toEqual([key.keyId])
  const [row] = await again.store.query({ text: ['select private_key from notifications_sealing_keys'], values: [] })
  await again.close()
  let log = ''
  for await (const event of auth.store.query({})) log += JSON.stringify(event)
  expect(log).toContain(key.publicKey)
  expect(log).not.toContain(row?.['private_key'])
})

it('refuses what was sealed for another mail, for another key, or not at all', async () => {
  const key = await sealingKey()
  const userId = randomUUID()
  await auth.publish(UserRegistered, { userId, email: 'ada@example.com', username: 'ada' })
  const mail = { userId, flowId: randomUUID(), kind: 'password-reset' } as const
  const other = sealText('code-of-eve', key, sealedFor({ ...mail, userId: randomUUID() }))
  const foreign = { ...sealText('code', key, sealedFor(mail)), keyId: 'nobody' }
  for (const sealed of [other, foreign, { ...other, sender: 'AAAA' }, undefined]) {
    const correlationId = randomUUID()
    await auth.publish(UserMailRequested, { ...mail, ...(sealed === undefined ? {} : { sealed }) }, { correlationId })
    await expect.poll(() => heard(correlationId, 'user.mail.refused')).toMatchObject({ why: 'unreadable' })
  }
})

it('sends nothing to those who are gone, nor to those it has never heard of, and says so', async () => {
  const userId = randomUUID()
  const mail = (to: string, correlationId: string) =>
    auth.publish(UserMailRequested, { userId: to, flowId: to, kind: 'welcome' }, { correlationId })
  await auth.publish(UserRegistered, { userId, email: 'gone@example.com', username: 'gone' })
  const ask = { deletionId: randomUUID(), userId, services: ['notifications'], account: 'hash' }
  await auth.publish(ErasureRequested, ask, { correlationId: 'erase' })
  await expect.poll(() => heard('erase', 'user.erasure.done')).toMatchObject({ service: 'notifications' })
  // Heard again, as after a failure of a broker, it brings nobody back.
  await auth.publish(UserRegistered, { userId, email: 'gone@example.com', username: 'gone' })
  for (const to of [userId, randomUUID()]) {
    await mail(to, `mail-${to}`)
    await expect.poll(() => heard(`mail-${to}`, 'user.mail.refused')).toMatchObject({ why: 'erased', flowId: to })
  }
  const rows = await host.store.query({
    text: ['select email from notifications_addresses where email is not null'],
    values: [],
  })
  expect(rows.map((row) => row['email'])).not.toContain('gone@example.com')
  expect(readdirSync(folder).every((name) => !readFileSync(join(folder, name)).includes('code-of-eve'))).toBe(true)
})
