import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openServices, type ServiceHost } from '@tidings/service'
import { type EventBus, sql } from 'tidings'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { auth } from './service.ts'
import { hashToken, makeToken } from './tokens.ts'

// What changes after a password was checked, and before what is done with that.

const [old, chosen] = ['analytical engine', 'difference engine']
let host: ServiceHost
const folder = mkdtempSync(join(tmpdir(), 'tidings-auth-meanwhile-'))

beforeAll(async () => {
  host = await openServices([auth], { url: `sqlite:${join(folder, 'auth.db')}` })
  await host.start()
})

afterAll(async () => {
  await host.close()
  rmSync(folder, { recursive: true, force: true })
})

const ask = (method: 'POST' | 'DELETE', url: string, payload: object, headers: Record<string, string> = {}) =>
  host.app.inject({ method, url, payload, headers })
const login = (username: string, password: string, correlation: string = randomUUID()) =>
  ask('POST', '/auth/login', { email: `${username}@example.com`, password }, { 'x-correlation-id': correlation })

async function register(username: string): Promise<string> {
  const answer = await ask('POST', '/auth/register', { email: `${username}@example.com`, username, password: old })
  expect(answer.statusCode).toBe(201)
  return answer.json<{ userId: string }>().userId
}

async function tokenOf(username: string): Promise<string> {
  return (await login(username, old)).json<{ token: string }>().token
}

/** Somebody uses the code of a mail. */
async function reset(userId: string): Promise<void> {
  const code = makeToken()
  const row = sql`insert into auth_password_resets (reset_id, user_id, code_hash, began_at, ends_at)
    values (${randomUUID()}, ${userId}, ${hashToken(code)}, ${Date.now()}, ${Date.now() + 60_000})`
  await host.store.commit([{ statements: [row] }])
  expect((await ask('POST', '/auth/password-reset/confirm', { code, password: chosen })).statusCode).toBe(204)
}

/** Holds back the next transaction of auth until `work` is done. */
function before(work: () => Promise<unknown>): void {
  const bus = host.buses.get('auth') as EventBus
  const transaction = bus.transaction.bind(bus)
  bus.transaction = async (unit) => {
    bus.transaction = transaction
    await work()
    return transaction(unit)
  }
}

const sessions = (userId: string) =>
  host.store.query(sql`select session_id from auth_sessions where user_id = ${userId}`)
const failuresOf = async (correlation: string) =>
  ((await host.buses.get('auth')?.store.getEventsByCorrelationId(correlation)) ?? []).map(({ type, data }) => [
    type,
    (data as { reason?: string }).reason,
    (data as { userId?: string | null }).userId,
  ])

it('begins no session by a password that was replaced while it was checked', async () => {
  const userId = await register('replaced')
  before(() => reset(userId))
  const late = await login('replaced', old, 'late-login')
  expect(late.statusCode).toBe(401)
  const wrong = await login('replaced', 'never was one')
  expect({ ...late.json<object>(), correlationId: '' }).toEqual({ ...wrong.json<object>(), correlationId: '' })
  expect(await sessions(userId)).toEqual([])
  expect(await failuresOf('late-login')).toEqual([['login.failed', 'wrong-password', userId]])
  expect((await login('replaced', chosen)).statusCode).toBe(200)
})

it('begins no session for an account that went away while its password was checked', async () => {
  const userId = await register('leaving')
  const headers = { authorization: `Bearer ${await tokenOf('leaving')}` }
  before(async () => {
    expect((await ask('DELETE', '/auth/me', { password: old }, headers)).statusCode).toBe(202)
  })
  expect((await login('leaving', old, 'gone-login')).statusCode).toBe(401)
  expect(await sessions(userId)).toEqual([])
  expect(await failuresOf('gone-login')).toEqual([['login.failed', 'unknown-account', null]])
})

it('forgets nobody by a password that was replaced while it was checked', async () => {
  const userId = await register('staying')
  const headers = { authorization: `Bearer ${await tokenOf('staying')}` }
  before(() => reset(userId))
  expect((await ask('DELETE', '/auth/me', { password: old }, headers)).statusCode).toBe(401)
  expect(await host.store.query(sql`select state from auth_users where user_id = ${userId}`)).not.toEqual([
    { state: 'deleting' },
  ])
  expect((await login('staying', chosen)).statusCode).toBe(200)
})
