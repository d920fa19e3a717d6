import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openServices, type ServiceHost } from '@tidings/service'
import { ProfileRequested, ProfileWithdrawn, UserErased } from '@tidings-services/auth/contract'
import { createEventBus, type EventBus, operationsOf, sql } from 'tidings'
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

it('finds users by the beginning of their names, page by page, and whoever is gone no more', async () => {
  const names = ['Mary.Shelley', 'mary_anning', 'marie.curie', 'mary%']
  const ids = new Map(names.map((username) => [username, randomUUID()]))
  for (const [username, userId] of ids) await auth.publish(ProfileRequested, { userId, username })
  const find = async (query: string): Promise<string[]> => {
    const answer = await host.app.inject(`/users?${query}`)
    expect(answer.statusCode).toBe(200)
    return answer.json<{ users: { username: string }[] }>().users.map(({ username }) => username)
  }
  await expect.poll(() => find('search=mar')).toEqual(['marie.curie', 'mary%', 'Mary.Shelley', 'mary_anning'])
  expect(await find('search=MARY')).toEqual(['mary%', 'Mary.Shelley', 'mary_anning'])
  expect(await find('search=mary%25')).toEqual(['mary%'])
  expect(await find('search=mary_')).toEqual(['mary_anning'])
  expect(await find('search=mar&limit=2')).toEqual(['marie.curie', 'mary%'])
  expect(await find('search=mar&limit=2&after=mary%25')).toEqual(['Mary.Shelley', 'mary_anning'])
  expect((await host.app.inject('/users?limit=0')).json()).toMatchObject({
    errors: [{ field: 'limit', rule: 'must be at least 1' }],
  })

  await auth.publish(ProfileWithdrawn, { userId: ids.get('mary%') as string })
  const erased = { deletionId: randomUUID(), userId: ids.get('marie.curie') as string, rows: {} }
  await auth.publish(UserErased, { ...erased, service: 'notifications' })
  await auth.publish(UserErased, { ...erased, service: 'users' })
  await expect.poll(() => find('search=mar')).toEqual(['Mary.Shelley', 'mary_anning'])
  const rows = await host.store.query(sql`select username from users_directory where user_id = ${erased.userId}`)
  expect(rows).toEqual([{ username: null }])

  const { paths } = (await host.app.inject('/openapi.json')).json<{
    paths: Record<string, Record<string, { summary: string }>>
  }>()
  expect(paths['/users']?.get?.summary).toBe('Find users by the beginning of their name')
})

it('skips nobody of one name, wherever a page ends', async () => {
  const names = ['dora', 'Dora', 'DORA', 'dorabella', 'dora']
  const ids = names.map(() => randomUUID())
  for (const [at, username] of names.entries())
    await auth.publish(ProfileRequested, { userId: ids[at] as string, username })
  const pageOf = async (query: string) =>
    (await host.app.inject(`/users?search=dora${query}`)).json<{ users: { userId: string }[]; next?: string }>()
  await expect.poll(async () => (await pageOf('')).users.length).toBe(5)
  const whole = await pageOf('')
  expect(whole.next).toBeUndefined()
  for (const limit of [1, 2, 3, 4, 5]) {
    const seen: string[] = []
    for (let after = ''; seen.length <= 5; ) {
      const { users: found, next } = await pageOf(`&limit=${limit}${after}`)
      seen.push(...found.map(({ userId }) => userId))
      if (next === undefined) break
      after = `&after=${encodeURIComponent(next)}`
    }
    expect(seen).toEqual(whole.users.map(({ userId }) => userId))
  }
  // A bare name, as before: behind all who have it.
  expect(await pageOf('&after=DORA')).toMatchObject({ users: [{ userId: ids[3] }] })
})

it('may build its directory anew while it is read', async () => {
  const bus = host.buses.get('users') as EventBus
  const before = (await host.app.inject('/users')).json<object>()
  const generation = await operationsOf(bus).projections.rebuild('users.directory')
  await expect
    .poll(async () => (await operationsOf(bus).projections.progress('users.directory')).live, { timeout: 20_000 })
    .toBe(generation)
  expect((await host.app.inject('/users')).json()).toEqual(before)
})
