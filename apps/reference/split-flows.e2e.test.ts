import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { serverUrl, without } from '../../tools/servers/index.ts'
import { findInTables } from './find-in-tables.ts'
import { type Addresses, type FlowClient, flowClient, password } from './flow-client.ts'
import { type MailSink, openMailSink } from './mail-sink.ts'
import { type PlatformProcess, startProgram } from './platform-process.ts'

// Each service a process with a database of its own, joined by Kafka. In the middle of every flow one of them is dead: first one that the flow waits for, and
// while it waits, the one that owns the flow as well.

const patient = { timeout: 120_000, interval: 200 }
const another = 'difference engine'
const names = ['auth', 'users', 'notifications', 'commerce', 'audit'] as const
type Name = (typeof names)[number]

const kafka = await serverUrl('kafka')
const postgres = await serverUrl('postgres')

describe('the flows over Kafka and PostgreSQL', without('kafka', 'postgres'), () => {
  const place = `flows_${randomBytes(4).toString('hex')}`
  const folder = mkdtempSync(join(tmpdir(), 'tidings-split-flows-'))
  const running = new Map<Name, PlatformProcess>()
  let sink: MailSink
  let client: FlowClient

  const databaseOf = (name: Name): string => {
    const url = new URL(postgres as string)
    url.pathname = `/${place}_${name}`
    return url.href
  }
  const start = async (name: Name): Promise<void> => {
    const program = await startProgram(name, folder, {
      EVENT_BUS_TYPE: 'kafka',
      KAFKA_BOOTSTRAP_SERVERS: kafka as string,
      KAFKA_TOPIC_PREFIX: `${place}.`,
      TIDINGS_STORE_URL: databaseOf(name),
      SMTP_URL: sink.url,
      LOG_LEVEL: 'error',
    })
    running.set(name, program)
  }
  const kill = async (name: Name): Promise<void> => {
    expect(await running.get(name)?.end('SIGKILL')).toBe('SIGKILL')
    running.delete(name)
  }
  const admin = async (statements: readonly string[]): Promise<void> => {
    const server = new pg.Client({ connectionString: postgres as string })
    await server.connect()
    try {
      for (const statement of statements) await server.query(statement)
    } finally {
      await server.end()
    }
  }
  const complete = async (username: string): Promise<string> => {
    const userId = await client.register(username)
    await expect.poll(() => client.progress(userId), patient).toBe('completed')
    return userId
  }
  const isHeard = (correlation: string, type: string) =>
    expect.poll(async () => (await client.types(correlation)).includes(type), patient).toBe(true)

  beforeAll(async () => {
    sink = await openMailSink()
    await admin(names.map((name) => `create database ${place}_${name}`))
    await Promise.all(names.map(start))
    const addresses = (): Addresses =>
      Object.fromEntries(names.map((name) => [name, running.get(name)?.address ?? ''])) as Addresses
    client = flowClient(addresses, sink.mails)
  }, 240_000)

  afterAll(async () => {
    await Promise.all([...running.values()].map((one) => one.end('SIGTERM')))
    await sink.close()
    await admin(names.map((name) => `drop database if exists ${place}_${name} with (force)`))
    rmSync(folder, { recursive: true, force: true })
  }, 120_000)

  it('complete a registration whose profile is asked for while users and auth die', async () => {
    await kill('users')
    const userId = await client.register('split-join', 'split-join')
    await isHeard('split-join', 'user.profile.requested')
    await kill('auth')
    await start('auth')
    expect(await client.progress(userId)).toBe('registering')
    await start('users')
    await expect.poll(() => client.progress(userId), patient).toBe('completed')
    await expect.poll(() => client.subjects('split-join'), patient).toEqual(['Welcome'])
    expect((await client.ask('GET', `/users/${userId}`)).body).toMatchObject({ displayName: 'Split Join' })
    expect((await client.ask('GET', `/users/${userId}/preferences`)).status).toBe(200)
  }, 300_000)

  it('send a code for another password, though notifications and auth die before it is sealed', async () => {
    await complete('split-reset')
    await kill('notifications')
    const asked = await client.ask('POST', '/auth/password-reset', {
      body: { email: 'split-reset@example.com' },
      correlation: 'split-reset',
    })
    expect(asked.status).toBe(202)
    await isHeard('split-reset', 'sealing-key.requested')
    await kill('auth')
    await start('auth')
    await start('notifications')
    await expect.poll(() => client.secretFor('split-reset', 'A new password'), patient).toBeDefined()
    const confirm = () =>
      client.ask('POST', '/auth/password-reset/confirm', {
        body: { code: client.secretFor('split-reset', 'A new password'), password: another },
      })
    expect((await confirm()).status).toBe(204)
    expect((await confirm()).status).toBe(410)
    expect((await client.login('split-reset', another)).status).toBe(200)
    await expect.poll(() => client.subjects('split-reset').at(-1), patient).toBe('Your password was changed')
  }, 300_000)

  it('hand out an export, though audit and auth die before its part has come', async () => {
    const userId = await complete('split-export')
    const orderId = await client.order('split-tea', userId)
    const token = await client.tokenOf('split-export')
    await kill('audit')
    expect((await client.ask('POST', '/auth/me/export', { token })).status).toBe(202)
    await kill('auth')
    await start('auth')
    const mine = await client.ask<{ exports: object[] }>('GET', '/auth/me/export', { token })
    expect(mine.body.exports).toMatchObject([{ status: 'gathering' }])
    await start('audit')
    await expect.poll(() => client.secretFor('split-export', 'Your data'), patient).toBeDefined()
    const { pathname } = new URL(client.secretFor('split-export', 'Your data') as string)
    const answer = await client.ask<{ services: Readonly<Record<string, object>> }>('GET', pathname)
    expect(answer.body).toMatchObject({ userId, complete: true, missing: [] })
    expect(Object.keys(answer.body.services)).toEqual(['audit', 'auth', 'commerce', 'notifications', 'users'])
    expect(answer.body.services['commerce']).toMatchObject([{ orders: [{ orderId, lines: [{ sku: 'split-tea' }] }] }])
  }, 300_000)

  it('forget somebody in all databases, though users and auth die before they have', async () => {
    const userId = await complete('split-leave')
    await client.order('split-rum', userId)
    await expect.poll(() => client.subjects('split-leave'), patient).toEqual(['Welcome'])
    const token = await client.tokenOf('split-leave')
    const found = async (): Promise<readonly object[]> =>
      (await Promise.all(names.map((name) => findInTables(databaseOf(name), ['split-leave', 'Split Leave'])))).flatMap(
        (one) => one.found,
      )
    expect((await found()).length).toBeGreaterThan(3)
    await kill('users')
    const asked = await client.ask<{ deletionId: string }>('DELETE', '/auth/me', { token, body: { password } })
    expect(asked.status).toBe(202)
    const report = async () => (await client.deletion(asked.body.deletionId)).body
    await expect
      .poll(async () => (await report()).erased.map(({ service }) => service).toSorted(), patient)
      .toEqual(['audit', 'commerce', 'notifications'])
    await kill('auth')
    await start('auth')
    expect((await client.login('split-leave')).status).toBe(401)
    await start('users')
    await expect.poll(async () => (await report()).status, patient).toBe('completed')
    expect((await report()).farewell).toBe('sent')
    const { erased } = await report()
    expect(erased).toHaveLength(5)
    expect(erased.find(({ service }) => service === 'commerce')?.rows).toEqual({ commerce_customer_orders: 1 })
    expect(client.subjects('split-leave')).toEqual(['Welcome', 'Goodbye'])
    await expect.poll(found, patient).toEqual([])
  }, 300_000)
})
