import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createEventBus } from 'tidings'
import { afterAll, afterEach, describe, expect, it } from 'vitest'

import { serverUrl, without } from '../../tools/servers/index.ts'
import { endWhileStarting, failToStart, type PlatformProcess, startProgram } from './platform-process.ts'
import { splitServices } from './split.ts'

const patient = { timeout: 60_000, interval: 100 }
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const chainOfRegistration = [
  'user.registered',
  'user.registration.begun',
  'user.profile.requested',
  'user.profile.created',
  'user.preferences.requested',
  'user.preferences.set',
  'user.registration.completed',
  'user.mail.requested',
  'user.mail.sent',
  'welcome-email.sent',
]

const folders: string[] = []
function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-split-'))
  folders.push(folder)
  return folder
}
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** The trace of each type that a service has stored of the registration: its own events and those that came to it. */
async function tracesIn(file: string): Promise<Map<string, string | undefined>> {
  const bus = await createEventBus({ url: `sqlite:${file}`, source: '/reader' })
  try {
    const events = await bus.store.getEventsByCorrelationId('req-grace')
    return new Map(events.map(({ type, context }) => [type, context.traceparent]))
  } finally {
    await bus.close()
  }
}

let platform: PlatformProcess | undefined
afterEach(async () => {
  await platform?.end('SIGTERM')
  platform = undefined
})

const place = `split-${randomBytes(4).toString('hex')}.`
const kafka = await serverUrl('kafka')
const nats = await serverUrl('nats')
const rabbitmq = await serverUrl('rabbitmq')
const redis = await serverUrl('redis')

const brokers = [
  {
    name: 'Kafka',
    server: 'kafka',
    env: { EVENT_BUS_TYPE: 'kafka', KAFKA_BOOTSTRAP_SERVERS: kafka ?? '', KAFKA_TOPIC_PREFIX: place },
  },
  { name: 'NATS', server: 'nats', env: { TIDINGS_URL: `${nats}?prefix=${place.replace('.', '')}` } },
  {
    name: 'RabbitMQ',
    server: 'rabbitmq',
    env: { EVENT_BUS_TYPE: 'rabbitmq', RABBITMQ_URL: `${rabbitmq}?prefix=${place}` },
  },
  {
    name: 'Redis Streams',
    server: 'redis',
    env: { EVENT_BUS_TYPE: 'redis', REDIS_EVENT_URL: redis ?? '', REDIS_CHANNEL_PREFIX: place },
  },
] as const

describe.each(brokers)('the platform split over $name', ({ server, env }) => {
  describe('with a real server', without(server), () => {
    it('carries a registration through all services under one correlation id and one trace, and ends with 0', async () => {
      const folder = freshFolder()
      platform = await startProgram('split', folder, { ...env, LOG_LEVEL: 'warn' })
      const addresses = new Map(
        platform.greeting.flatMap((line) => {
          const [, name = '', address = ''] = /^Tidings runs (\w+) at (\S+)$/.exec(line) ?? []
          return name === '' ? [] : [[name, address] as const]
        }),
      )
      expect([...addresses.keys()]).toEqual([...splitServices])
      const get = async <Answer>(name: string, path: string): Promise<Answer> =>
        (await fetch(`${addresses.get(name)}${path}`)).json() as Promise<Answer>
      for (const name of splitServices) expect(await get(name, '/health/ready')).toMatchObject({ status: 'ready' })

      const answer = await fetch(`${addresses.get('auth')}/auth/register`, {
        method: 'POST',
        body: JSON.stringify({ email: 'grace@example.com', username: 'grace', password: 'analytical engine' }),
        headers: { 'content-type': 'application/json', 'x-correlation-id': 'req-grace', traceparent },
      })
      expect(answer.status).toBe(201)
      const { userId } = (await answer.json()) as { userId: string }
      const chain = async (): Promise<string[]> =>
        (await get<{ entries: { type: string }[] }>('audit', '/audit?correlationId=req-grace')).entries.map(
          ({ type }) => type,
        )
      await expect.poll(async () => (await chain()).toSorted(), patient).toEqual(chainOfRegistration.toSorted())
      expect(await get('users', `/users/${userId}`)).toMatchObject({ userId, username: 'grace' })
      // The answer has come back to the first service, too.
      const { token } = (await (
        await fetch(`${addresses.get('auth')}/auth/login`, {
          method: 'POST',
          body: JSON.stringify({ email: 'grace@example.com', password: 'analytical engine' }),
          headers: { 'content-type': 'application/json' },
        })
      ).json()) as { token: string }
      const me = async (): Promise<unknown> =>
        (await fetch(`${addresses.get('auth')}/auth/me`, { headers: { authorization: `Bearer ${token}` } })).json()
      await expect.poll(me, patient).toMatchObject({ profileCreated: true })

      for (const name of splitServices) expect(existsSync(join(folder, `${name}.db`))).toBe(true)
      expect(await platform.end('SIGTERM')).toBe(0)
      platform = undefined
      expect(await tracesIn(join(folder, 'audit.db'))).toEqual(
        new Map(chainOfRegistration.map((type) => [type, traceparent])),
      )
    }, 180_000)
  })
})

it.each(['SIGINT', 'SIGTERM'] as const)('leaves nobody behind when %s comes while it starts', async (signal) => {
  // A broker that never answers: services that have come to it are under way, and do not get further.
  const broker = createServer().listen(0, '127.0.0.1')
  await once(broker, 'listening')
  const { port } = broker.address() as AddressInfo
  try {
    const env = { EVENT_BUS_TYPE: 'redis', REDIS_EVENT_URL: `redis://127.0.0.1:${port}`, LOG_LEVEL: 'error' }
    const { how, said } = await endWhileStarting(freshFolder(), env, signal, once(broker, 'connection'))
    expect({ how, said }).toEqual({ how: 0, said: '' })
  } finally {
    broker.close()
  }
})

it('is refused without a broker, and where all would share one store', async () => {
  const alone = await failToStart(freshFolder(), {}, 'split')
  expect(alone.code).toBe(1)
  expect(alone.complaints).toMatch(/^Cannot start: Services that run apart need a broker/)
  const shared = await failToStart(
    freshFolder(),
    { EVENT_BUS_TYPE: 'kafka', TIDINGS_STORE_URL: 'sqlite:./one.db' },
    'split',
  )
  expect(shared.code).toBe(1)
  expect(shared.complaints).toContain('{service}')
  const together = await failToStart(freshFolder(), { EVENT_BUS_TYPE: 'kafka' })
  expect(together.code).toBe(1)
  expect(together.complaints).toContain('Behind a broker each service has a store of its own')
})
