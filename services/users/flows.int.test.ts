import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openServices, type ServiceHost } from '@tidings/service'
import {
  DataPartsRequested,
  ErasureRequested,
  PreferencesRequested,
  ProfileRequested,
  ProfileWithdrawn,
} from '@tidings-services/auth/contract'
import { createEventBus, type EventBus } from 'tidings'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { users } from './service.ts'

// The part of this service in flows that it does not own.

let host: ServiceHost
let auth: EventBus
const folder = mkdtempSync(join(tmpdir(), 'tidings-users-flows-'))

beforeAll(async () => {
  host = await openServices([users], { url: `sqlite:${join(folder, 'users.db')}` })
  await host.start()
  auth = await createEventBus({ store: host.store, source: '/auth' })
})

afterAll(async () => {
  await auth.close()
  await host.close()
  rmSync(folder, { recursive: true, force: true })
})

const profile = async (userId: string) => (await host.app.inject(`/users/${userId}`)).statusCode
const preferences = (userId: string) => host.app.inject(`/users/${userId}/preferences`)
const answers = async (correlationId: string, type: string) =>
  (await auth.store.getEventsByCorrelationId(correlationId))
    .filter((event) => event.type === type)
    .map(({ data }) => data)

async function settle(userId: string): Promise<void> {
  await auth.publish(ProfileRequested, { userId, username: 'mary.shelley' })
  await auth.publish(PreferencesRequested, { userId })
  await expect.poll(() => profile(userId)).toBe(200)
  await expect.poll(async () => (await preferences(userId)).statusCode).toBe(200)
}

it('sets preferences once, and keeps what was chosen meanwhile', async () => {
  const userId = randomUUID()
  await settle(userId)
  const chosen = { language: 'fr', theme: 'dark', newsletter: true }
  await host.app.inject({ method: 'PUT', url: `/users/${userId}/preferences`, payload: chosen })
  await auth.publish(PreferencesRequested, { userId }, { correlationId: 'again' })
  await expect.poll(() => answers('again', 'user.preferences.set')).toEqual([{ userId, defaults: true }])
  expect((await preferences(userId)).json()).toEqual(chosen)
})

it('keeps preferences to this machine, and knows whom it does not know', async () => {
  const url = `/users/${randomUUID()}/preferences`
  expect((await host.app.inject({ url, remoteAddress: '10.0.0.1' })).statusCode).toBe(403)
  expect((await host.app.inject({ url })).statusCode).toBe(404)
  const payload = { language: 'en', theme: 'dark', newsletter: false }
  expect((await host.app.inject({ method: 'PUT', url, payload })).statusCode).toBe(404)
  const more = await host.app.inject({ method: 'PUT', url, payload: { ...payload, admin: true } })
  expect(more.statusCode).toBe(400)
})

it('erases, answers every time it is asked, and is brought back by nothing that comes late', async () => {
  const userId = randomUUID()
  const deletionId = randomUUID()
  await settle(userId)
  const ask = (services: string[], correlationId: string) =>
    auth.publish(ErasureRequested, { deletionId, userId, services, account: 'hash' }, { correlationId })
  await ask(['audit'], 'erase-others')
  await ask(['users'], 'erase-1')
  const done = (rows: object) => [{ deletionId, userId, service: 'users', rows }]
  await expect
    .poll(() => answers('erase-1', 'user.erasure.done'))
    .toEqual(done({ users_profiles: 1, users_preferences: 1 }))
  expect(await answers('erase-others', 'user.erasure.done')).toEqual([])
  await auth.publish(ProfileRequested, { userId, username: 'mary.shelley' }, { correlationId: 'late' })
  await auth.publish(PreferencesRequested, { userId }, { correlationId: 'late' })
  await ask(['users', 'audit'], 'erase-2')
  await expect
    .poll(() => answers('erase-2', 'user.erasure.done'))
    .toEqual(done({ users_profiles: 0, users_preferences: 0 }))
  // The late ones have been heard once somebody after them has.
  await settle(randomUUID())
  expect(await auth.store.getEventsByCorrelationId('late')).toHaveLength(2)
  expect([await profile(userId), (await preferences(userId)).statusCode]).toEqual([404, 404])
})

it('takes back what a failed registration has left', async () => {
  const userId = randomUUID()
  await settle(userId)
  await auth.publish(ProfileWithdrawn, { userId })
  await expect.poll(() => profile(userId)).toBe(404)
  await expect.poll(async () => (await preferences(userId)).statusCode).toBe(404)
})

it('sends what it holds of somebody, and says so where that is nothing', async () => {
  const userId = randomUUID()
  await settle(userId)
  const exportId = randomUUID()
  await auth.publish(DataPartsRequested, { exportId, userId, services: ['users'] }, { correlationId: 'data-1' })
  await expect.poll(() => answers('data-1', 'user.data.collected')).toHaveLength(1)
  const [told] = (await answers('data-1', 'user.data.collected')) as { data: string; parts: number }[]
  expect(told?.parts).toBe(1)
  expect(JSON.parse(told?.data ?? '')).toMatchObject({
    profiles: [{ userId, username: 'mary.shelley', displayName: 'Mary Shelley' }],
    preferences: [{ language: 'en', newsletter: false }],
  })
  const nobody = { exportId, userId: randomUUID(), services: ['users'] }
  await auth.publish(DataPartsRequested, nobody, { correlationId: 'data-2' })
  await expect
    .poll(() => answers('data-2', 'user.data.collected'))
    .toEqual([expect.objectContaining({ data: '{"profiles":[],"preferences":[]}', part: 0, parts: 1 })])
})
