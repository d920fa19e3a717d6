import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openServices, type ServiceHost } from '@tidings/service'
import { ProfileRequested } from '@tidings-services/auth/contract'
import { createEventBus, type EventBus, sql } from 'tidings'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { users } from './service.ts'

let host: ServiceHost
let auth: EventBus
const folder = mkdtempSync(join(tmpdir(), 'tidings-users-'))

beforeAll(async () => {
  host = await openServices([users], { url: `sqlite:${join(folder, 'users.db')}`, now: () => Date.UTC(2030, 0, 1) })
  await host.start()
  auth = await createEventBus({ store: host.store, source: '/auth' })
})

afterAll(async () => {
  await auth.close()
  await host.close()
  rmSync(folder, { recursive: true, force: true })
})

it('gives whoever registers a profile, and tells of it under the same correlation', async () => {
  const userId = randomUUID()
  const { id } = await auth.publish(ProfileRequested, { userId, username: 'ada.lovelace' }, { correlationId: 'req-1' })
  const profile = () => host.app.inject(`/users/${userId}`)
  await expect.poll(async () => (await profile()).statusCode).toBe(200)
  expect((await profile()).json()).toEqual({
    userId,
    username: 'ada.lovelace',
    displayName: 'Ada Lovelace',
    createdAt: '2030-01-01T00:00:00.000Z',
  })
  const [, created] = await auth.store.getEventsByCorrelationId('req-1')
  expect(created).toMatchObject({
    type: 'user.profile.created',
    source: '/users',
    key: userId,
    context: { causationId: id },
    data: { userId },
  })
})

it('makes one profile of an event that is told twice', async () => {
  const registered = { userId: randomUUID(), username: 'twice' }
  const id = randomUUID()
  await auth.publish(ProfileRequested, registered, { id, correlationId: 'req-2' })
  await auth.publish(ProfileRequested, registered, { id, correlationId: 'req-2' })
  await expect.poll(async () => (await auth.store.getEventsByCorrelationId('req-2')).length).toBe(2)
  expect(
    await host.store.query(sql`select count(*) as profiles from users_profiles where user_id = ${registered.userId}`),
  ).toEqual([{ profiles: 1 }])
})

it('knows whom it does not know', async () => {
  const nobody = await host.app.inject(`/users/${randomUUID()}`)
  expect(nobody.statusCode).toBe(404)
  const odd = await host.app.inject('/users/7')
  expect(odd.statusCode).toBe(400)
  expect(odd.json()).toMatchObject({ errors: [{ field: 'userId', rule: 'must be a UUID' }] })
})
