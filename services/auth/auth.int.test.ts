import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openServices, type ServiceHost } from '@tidings/service'
import { UserProfileCreated } from '@tidings-services/users/contract'
import { createEventBus, type EventBus, sql } from 'tidings'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { LoginFailed } from './contract/login-failed.ts'
import { UserDeleted } from './contract/user-deletion.ts'
import { loginHistory } from './read-models/login-history.ts'
import { auth } from './service.ts'

const password = 'analytical engine'
const minute = 60_000

let host: ServiceHost
let now = Date.UTC(2030, 0, 1)
const folder = mkdtempSync(join(tmpdir(), 'tidings-auth-'))

beforeAll(async () => {
  host = await openServices([auth], { url: `sqlite:${join(folder, 'auth.db')}`, now: () => now })
  await host.start()
})

afterAll(async () => {
  await host.close()
  rmSync(folder, { recursive: true, force: true })
})

const post = (url: string, payload: object, headers: Record<string, string> = {}) =>
  host.app.inject({ method: 'POST', url, payload, headers })
const register = (username: string, change: object = {}) =>
  post('/auth/register', { email: `${username}@example.com`, username, password, ...change })
const login = (username: string, given = password, correlation?: string) =>
  post(
    '/auth/login',
    { email: `${username}@example.com`, password: given },
    correlation === undefined ? {} : { 'x-correlation-id': correlation },
  )

async function typesOf(correlation: string): Promise<string[]> {
  const events = await host.buses.get('auth')?.store.getEventsByCorrelationId(correlation)
  return (events ?? []).map(({ type }) => type)
}

describe('registering', () => {
  it('keeps the account and the event in one commit, under the correlation of the request', async () => {
    const answer = await post(
      '/auth/register',
      { email: 'Ada@Example.com', username: 'ada', password },
      { 'x-correlation-id': 'reg-ada' },
    )
    expect(answer.statusCode).toBe(201)
    const { userId, correlationId } = answer.json<{ userId: string; correlationId: string }>()
    expect(correlationId).toBe('reg-ada')
    expect(answer.headers['x-correlation-id']).toBe('reg-ada')
    const [event] = (await host.buses.get('auth')?.store.getEventsByCorrelationId('reg-ada')) ?? []
    expect(event).toMatchObject({
      type: 'user.registered',
      source: '/auth',
      key: userId,
      priority: 'high',
      data: { userId, email: 'ada@example.com', username: 'ada' },
      context: { userId, actor: `user:${userId}` },
    })
    const [row] = await host.store.query(sql`select * from auth_users where user_id = ${userId}`)
    expect(row).toMatchObject({ email: 'ada@example.com', profile_created: 0 })
    expect(row?.password).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(JSON.stringify(event)).not.toContain('argon2id')
  })

  it('names the fields that another account has taken, and then publishes nothing', async () => {
    await register('grace')
    const email = await register('hopper', { email: 'GRACE@example.com' })
    expect(email.statusCode).toBe(409)
    expect(email.json()).toMatchObject({ errors: [{ field: 'email', rule: 'must not be taken by another account' }] })
    const both = await register('grace')
    expect(both.json<{ errors: { field: string }[] }>().errors.map(({ field }) => field)).toEqual(['email', 'username'])
    expect(await typesOf(both.headers['x-correlation-id'] as string)).toEqual([])
  })

  it('lets one of two win who ask for the same at the same time', async () => {
    const answers = await Promise.all([register('twin'), register('twin'), register('twin')])
    expect(answers.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)).toEqual([201, 409, 409])
    const rows = await host.store.query(sql`select user_id from auth_users where username = ${'twin'}`)
    expect(rows).toHaveLength(1)
    const told = await host.buses.get('auth')?.store.getEvents({ category: 'user', key: rows[0]?.user_id as string })
    expect(told?.filter(({ type }) => type === 'user.registered')).toHaveLength(1)
  })

  it.each([
    [{ email: 'not-an-address' }, 'email', 'must be an e-mail address'],
    [{ password: 'geheim' }, 'password', 'must have at least 10 characters'],
    [
      { username: 'no spaces' },
      'username',
      'must be letters, digits, dots, dashes and underscores, a letter or digit first',
    ],
    [{ password: 'not-ada.b.c-no' }, 'password', 'must not hold the username or the e-mail address'],
  ])('names field and rule for %j and repeats nothing', async (change, field, rule) => {
    const answer = await register('ada.b.c', change)
    expect(answer.statusCode).toBe(400)
    expect(answer.headers['content-type']).toContain('application/problem+json')
    expect(answer.json()).toMatchObject({ status: 400, errors: [{ field, rule }] })
    for (const value of Object.values(change)) expect(answer.body).not.toContain(value)
  })

  it('names every field at once where there is no body to speak of', async () => {
    const answer = await post('/auth/register', {})
    expect(answer.json<{ errors: { field: string }[] }>().errors.map(({ field }) => field)).toEqual([
      'email',
      'username',
      'password',
    ])
  })

  it('hears that the profile exists', async () => {
    const { userId } = (await register('profiled')).json<{ userId: string }>()
    const other = await createEventBus({ store: host.store, source: '/users' })
    await other.publish(UserProfileCreated, { userId })
    const { token } = (await login('profiled')).json<{ token: string }>()
    const me = () => host.app.inject({ url: '/auth/me', headers: { authorization: `Bearer ${token}` } })
    await expect.poll(async () => (await me()).json()).toEqual({ userId, username: 'profiled', profileCreated: true })
    await other.close()
  })
})

describe('logging in', () => {
  it('begins a session that its token opens until it is ended or a day has gone by', async () => {
    const { userId } = (await register('session')).json<{ userId: string }>()
    const answer = await login('session', password, 'login-1')
    expect(answer.statusCode).toBe(200)
    const { token, endsAt } = answer.json<{ token: string; endsAt: string }>()
    expect(Date.parse(endsAt)).toBe(now + 24 * 60 * minute)
    expect(await typesOf('login-1')).toEqual(['user.logged-in'])
    const authorization = `Bearer ${token}`
    expect((await host.app.inject({ url: '/auth/me', headers: { authorization } })).json()).toMatchObject({ userId })
    const rows = await host.store.query(sql`select token_hash from auth_sessions where user_id = ${userId}`)
    expect(rows[0]?.token_hash).not.toBe(token)

    const ended = await host.app.inject({
      method: 'POST',
      url: '/auth/logout',
      headers: { authorization, 'x-correlation-id': 'logout-1' },
    })
    expect([ended.statusCode, ended.body]).toEqual([204, ''])
    expect(await typesOf('logout-1')).toEqual(['user.logged-out'])
    expect(
      (await host.app.inject({ method: 'POST', url: '/auth/logout', headers: { authorization } })).statusCode,
    ).toBe(401)

    const later = (await login('session')).json<{ token: string }>().token
    now += 24 * 60 * minute
    expect((await host.app.inject({ url: '/auth/me', headers: { authorization: `Bearer ${later}` } })).statusCode).toBe(
      401,
    )
  })

  it('shows the owner of an account what happened to it, newest first, and to nobody else', async () => {
    await register('watchful')
    await login('watchful', 'wrong password')
    const { token } = (await login('watchful')).json<{ token: string }>()
    const history = async (bearer: string) => {
      const answer = await host.app.inject({ url: '/auth/me/logins', headers: { authorization: `Bearer ${bearer}` } })
      expect(answer.statusCode).toBe(200)
      return answer.json<{ logins: { what: string }[] }>().logins.map(({ what }) => what)
    }
    await expect.poll(() => history(token)).toEqual(['user.logged-in', 'login.failed'])
    expect((await host.app.inject('/auth/me/logins')).statusCode).toBe(401)
    await register('another')
    const other = (await login('another')).json<{ token: string }>().token
    await expect.poll(() => history(other)).toEqual(['user.logged-in'])
    const { paths } = (await host.app.inject('/openapi.json')).json<{ paths: Record<string, unknown> }>()
    expect(paths['/auth/me/logins']).toMatchObject({ get: { security: [{ session: [] }] } })
  })

  it('forgets what happened to an account that is gone, also what is heard of it later', async () => {
    const { userId } = (await register('leaving')).json<{ userId: string }>()
    await login('leaving')
    const bus = host.buses.get('auth') as EventBus
    const rows = () => host.store.query(sql`select what from auth_login_history where user_id = ${userId}`)
    await expect.poll(rows).toEqual([{ what: 'user.logged-in' }])
    await bus.publish(UserDeleted, { deletionId: randomUUID(), userId })
    const late = { account: 'x', userId, reason: 'locked', ipAddress: null, userAgent: null } as const
    const { position } = await bus.publish(LoginFailed, late)
    await loginHistory.of(bus).caughtUpTo(position)
    await expect.poll(rows).toEqual([])
  })

  it.each([undefined, 'Basic abc', 'Bearer short', `Bearer ${'x'.repeat(43)}`])(
    'refuses %j as a token',
    async (authorization) => {
      const answer = await host.app.inject({
        url: '/auth/me',
        headers: authorization === undefined ? {} : { authorization },
      })
      expect(answer.statusCode).toBe(401)
      expect(answer.headers['www-authenticate']).toBe('Bearer')
    },
  )

  it('answers alike for a wrong password and for nobody, and tells the difference to those who watch', async () => {
    await register('secretive')
    const wrong = await login('secretive', 'wrong password', 'wrong-1')
    const nobody = await login('nobody', 'wrong password', 'nobody-1')
    expect(wrong.statusCode).toBe(401)
    expect({ ...wrong.json<object>(), correlationId: '' }).toEqual({ ...nobody.json<object>(), correlationId: '' })
    const events = await host.buses.get('auth')?.store.getEventsByCorrelationId('nobody-1')
    expect(events?.map(({ type, data }) => [type, data])).toEqual([
      ['login.failed', expect.objectContaining({ userId: null, reason: 'unknown-account', ipAddress: '127.0.0.1' })],
    ])
    expect(JSON.stringify(events)).not.toContain('nobody@example.com')
  })

  it('locks an account for fifteen minutes after the fifth failure, even for the right password', async () => {
    await register('target')
    const outcomes: number[] = []
    for (let at = 1; at <= 5; at++) {
      outcomes.push((await login('target', 'wrong password', `attack-${at}`)).statusCode)
      now += minute
    }
    expect(outcomes).toEqual([401, 401, 401, 401, 401])
    expect(await typesOf('attack-4')).toEqual(['login.failed'])
    expect(await typesOf('attack-5')).toEqual(['login.failed', 'account.locked'])
    const locked = await login('target', password, 'attack-6')
    expect(locked.statusCode).toBe(423)
    expect(locked.headers['retry-after']).toBe(String(14 * 60))
    const [event] = (await host.buses.get('auth')?.store.getEventsByCorrelationId('attack-6')) ?? []
    expect(event).toMatchObject({ type: 'login.failed', data: { reason: 'locked' } })
    now += 14 * minute
    expect((await login('target')).statusCode).toBe(200)
    expect((await login('target', 'wrong password')).statusCode).toBe(401)
    expect((await login('target')).statusCode).toBe(200)
  })

  it('also locks an address that nobody has, so that the lock tells nothing', async () => {
    for (let at = 1; at <= 5; at++) await login('ghost', 'wrong password')
    expect((await login('ghost', 'wrong password')).statusCode).toBe(423)
  })

  it('lets no flood of guesses slip past the lock', async () => {
    await register('flooded')
    const guesses = Array.from({ length: 12 }, (_, at) =>
      login('flooded', at === 11 ? password : `wrong password ${at}`),
    )
    const statuses = (await Promise.all(guesses)).map(({ statusCode }) => statusCode)
    expect(statuses.filter((status) => status === 401 || status === 423).length).toBeGreaterThanOrEqual(11)
    expect((await login('flooded')).statusCode).toBe(423)
  })
})
