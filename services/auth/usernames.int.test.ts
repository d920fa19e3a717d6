import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openServices, type ServiceHost } from '@tidings/service'
import { sql } from 'tidings'
import { afterEach, beforeEach, expect, it } from 'vitest'

import { migrations } from './migrations.ts'
import { auth } from './service.ts'

let folder: string
const hosts: ServiceHost[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidings-auth-usernames-'))
})

afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close()
  rmSync(folder, { recursive: true, force: true })
})

async function open(service = auth): Promise<ServiceHost> {
  const host = await openServices([service], { url: `sqlite:${join(folder, 'auth.db')}` })
  hosts.push(host)
  return host
}

const register = ({ app }: ServiceHost, username: string) =>
  app.inject({
    method: 'POST',
    url: '/auth/register',
    payload: { email: `${randomUUID()}@example.com`, username, password: 'analytical engine' },
  })
const namesLike = async ({ store }: ServiceHost, username: string) =>
  (
    await store.query(
      sql`select username from auth_users where lower(username) = ${username} order by registered_at, username`,
    )
  ).map((row) => row.username)

it('takes names that differ only in capitals for one, also of those who ask at the same time', async () => {
  const first = await open()
  expect((await register(first, 'Ada.Lovelace')).statusCode).toBe(201)
  for (const again of ['ada.lovelace', 'ADA.LOVELACE', 'Ada.Lovelace'])
    expect((await register(first, again)).json()).toMatchObject({
      status: 409,
      errors: [{ field: 'username', rule: 'must not be taken by another account' }],
    })
  const answers = await Promise.all(['twin', 'Twin', 'TWIN'].map((username) => register(first, username)))
  expect(answers.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)).toEqual([201, 409, 409])
  expect(await namesLike(first, 'twin')).toHaveLength(1)
})

it('leaves those who share a name from before as they are, and lets nobody join them', async () => {
  const until = migrations.findIndex(({ id }) => id === '0004-usernames')
  const before = await open({ ...auth, migrations: migrations.slice(0, until) })
  for (const [at, username] of ['Grace', 'grace', 'GRACE', 'alone'].entries()) {
    const row = sql`insert into auth_users (user_id, email, username, password, registered_at)
      values (${randomUUID()}, ${`${at}@example.com`}, ${username}, '', ${at})`
    await before.store.commit([{ statements: [row] }])
  }
  await hosts.pop()?.close()

  const after = await open()
  expect(await namesLike(after, 'grace')).toEqual(['Grace', 'grace', 'GRACE'])
  for (const taken of ['gRACE', 'grace', 'Alone']) expect((await register(after, taken)).statusCode).toBe(409)
  expect((await register(after, 'hopper')).statusCode).toBe(201)
})
