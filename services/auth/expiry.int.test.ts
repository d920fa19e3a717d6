import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openServices, type ServiceHost } from '@tidings/service'
import { sql } from 'tidings'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { LoginFailed } from './contract/login-failed.ts'
import { auth } from './service.ts'

// What is over goes, also where those whose it was never come back.

const minute = 60_000
const password = 'analytical engine'
let host: ServiceHost
let now = Date.UTC(2030, 0, 1)
const folder = mkdtempSync(join(tmpdir(), 'tidings-auth-expiry-'))

beforeAll(async () => {
  host = await openServices([auth], { url: `sqlite:${join(folder, 'auth.db')}`, now: () => now })
  await host.start()
})

afterAll(async () => {
  await host.close()
  rmSync(folder, { recursive: true, force: true })
})

const post = (url: string, payload: object) => host.app.inject({ method: 'POST', url, payload })
const login = (username: string, given = password) =>
  post('/auth/login', { email: `${username}@example.com`, password: given })
const count = async (table: string) =>
  Number((await host.store.query(sql`select count(*) as found from ${sql.identifier(table)}`))[0]?.found)

it('drops failures of all accounts once they decide nothing any more, and none before', async () => {
  for (const somebody of ['a', 'b', 'c']) await login(somebody, 'wrong password')
  now += 30 * minute
  await login('d', 'wrong password')
  expect(await count('auth_login_failures')).toBe(4)
  now += 1
  await login('e', 'wrong password')
  expect(await count('auth_login_failures')).toBe(2)
})

it('drops limits of all accounts once their hour is over, and none before', async () => {
  const ask = (username: string) => post('/auth/password-reset', { email: `${username}@example.com` })
  for (const somebody of ['a', 'b', 'c']) expect((await ask(somebody)).statusCode).toBe(202)
  now += 60 * minute - 1
  for (let asked = 0; asked < 2; asked++) expect((await ask('a')).statusCode).toBe(202)
  expect((await ask('a')).statusCode).toBe(429)
  expect(await count('auth_reset_limits')).toBe(3)
  now += 1
  expect((await ask('d')).statusCode).toBe(202)
  expect(await count('auth_reset_limits')).toBe(1)
  expect((await ask('a')).statusCode).toBe(202)
})

it('drops sessions of everybody once they are over, and none before', async () => {
  for (const username of ['ada', 'bob', 'carol'])
    await post('/auth/register', { email: `${username}@example.com`, username, password })
  await login('ada')
  await login('bob')
  now += 24 * 60 * minute - 1
  await login('carol')
  expect(await count('auth_sessions')).toBe(3)
  now += 1
  await login('carol')
  expect(await count('auth_sessions')).toBe(2)
})

it('lets failed logins leave the log after a quarter of a year', () => {
  expect(LoginFailed.retention).toBe(90 * 24 * 60 * minute)
})
