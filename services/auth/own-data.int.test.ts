import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openServices, type ServiceHost } from '@tidings/service'
import type { EventBus } from 'tidings'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { LoginFailed } from './contract/login-failed.ts'
import { ownData } from './own-data.ts'
import { auth } from './service.ts'
import { accountOf } from './tokens.ts'

let host: ServiceHost
const folder = mkdtempSync(join(tmpdir(), 'tidings-auth-own-data-'))

beforeAll(async () => {
  host = await openServices([auth], { url: `sqlite:${join(folder, 'auth.db')}` })
  await host.start()
})

afterAll(async () => {
  await host.close()
  rmSync(folder, { recursive: true, force: true })
})

const password = 'analytical engine'
const post = (url: string, payload: object, from = '127.0.0.1', agent = 'curl') =>
  host.app.inject({ method: 'POST', url, payload, remoteAddress: from, headers: { 'user-agent': agent } })

async function register(username: string): Promise<string> {
  const answer = await post('/auth/register', { email: `${username}@example.com`, username, password })
  return answer.json<{ userId: string }>().userId
}

const told = async (userId: string) => {
  const bus = host.buses.get('auth') as EventBus
  const parts = (await ownData({ store: host.store, bus }, userId)).map((part) => JSON.parse(part) as object)
  return Object.assign({}, ...parts) as Record<string, Record<string, unknown>[]>
}

it('tells where logins and refusals came from, the newest first, and those of nobody else', async () => {
  const email = 'traveller@example.com'
  // Somebody tried the address before it was anybody's, and before that it was somebody else's.
  await post('/auth/login', { email, password }, '10.0.0.9', 'stranger')
  const before = { userId: randomUUID(), reason: 'locked', ipAddress: '10.0.0.8', userAgent: 'former' } as const
  await host.buses.get('auth')?.publish(LoginFailed, { account: accountOf(email), ...before })
  const userId = await register('traveller')
  await post('/auth/login', { email, password }, '10.0.0.1', 'first')
  await post('/auth/login', { email, password: 'wrong password' }, '10.0.0.2', 'second')
  await post('/auth/login', { email, password }, '10.0.0.3', 'third')
  const other = await register('homely')
  await post('/auth/login', { email: 'homely@example.com', password }, '10.0.0.4', 'other')

  const at = expect.stringMatching(/^\d{4}-.*Z$/)
  expect((await told(userId))['logins']).toEqual([
    { what: 'user.logged-in', at, ipAddress: '10.0.0.3', userAgent: 'third' },
    { what: 'login.failed', at, ipAddress: '10.0.0.2', userAgent: 'second' },
    { what: 'user.logged-in', at, ipAddress: '10.0.0.1', userAgent: 'first' },
  ])
  expect((await told(other))['logins']).toMatchObject([{ ipAddress: '10.0.0.4', userAgent: 'other' }])
})

it('tells nothing of somebody who has no account, and nothing that opens one', async () => {
  expect(await told(randomUUID())).toEqual({ accounts: [], sessions: [], failedLogins: [], logins: [] })
  const userId = await register('careful')
  const { token } = (await post('/auth/login', { email: 'careful@example.com', password })).json<{ token: string }>()
  const text = JSON.stringify(await told(userId))
  for (const secret of ['argon2', token, 'hash']) expect(text).not.toContain(secret)
})
