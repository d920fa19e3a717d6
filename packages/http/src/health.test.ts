import Fastify, { type FastifyInstance } from 'fastify'
import { createEventBus, defineEvent, type EventBus, PermanentError } from 'tidings'
import type { Transport } from 'tidings/spi'
import { afterEach, expect, it } from 'vitest'

import { type HealthOptions, health } from './health.ts'
import { metrics } from './metrics.ts'

const Rang = defineEvent('bell.rang')
const open: EventBus[] = []

afterEach(() => Promise.all(open.splice(0).map((bus) => bus.close())))

async function watched(options: Partial<HealthOptions> = {}): Promise<{ app: FastifyInstance; bus: EventBus }> {
  const bus = await createEventBus({ url: 'memory:', source: '/house' })
  open.push(bus)
  const app = Fastify()
  await app.register(health, { buses: [bus], ...options })
  return { app, bus }
}

it('is alive before it is ready, and ready once the bus has started', async () => {
  const { app, bus } = await watched()
  expect((await app.inject('/health/live')).json()).toEqual({ status: 'live' })
  const early = await app.inject('/health/ready')
  expect(early.statusCode).toBe(503)
  expect(early.json()).toEqual({ status: 'not ready', reasons: ['/house: the bus is new, not started'] })
  await bus.start()
  const later = await app.inject('/health/ready')
  expect(later.statusCode).toBe(200)
  expect(later.json()).toEqual({ status: 'ready' })
  expect(later.headers['cache-control']).toBe('no-store')
})

it('is ready though its broker is away, and says so', async () => {
  const away = new Error('connection refused')
  const transport: Transport = {
    capabilities: {
      name: 'nowhere',
      kind: 'log',
      durability: 'broker',
      groups: true,
      ordering: 'stream',
      redelivery: true,
      replay: true,
      maxBytes: 1_000_000,
      partitions: 1,
    },
    publish: (batch) => Promise.resolve(batch.map(() => ({ status: 'unknown', error: away }))),
    subscribe: () => Promise.reject(away),
    close: () => Promise.resolve(),
  }
  const bus = await createEventBus({
    url: 'memory:',
    source: '/house',
    transport: { name: 'nowhere', open: () => Promise.resolve(transport) },
  })
  open.push(bus)
  bus.subscribe(Rang, { name: 'ear' }, () => {})
  const app = Fastify()
  await app.register(health, { buses: [bus] })
  await bus.start()
  await bus.publish(Rang, {})
  const ready = async (): Promise<unknown> => (await app.inject('/health/ready')).json()
  await expect.poll(ready).toEqual({
    status: 'ready',
    notes: [
      '/house: the broker nowhere takes no events now; the relay is 1 behind the log',
      '/house: the inbox is not in its group house at the broker nowhere (connection refused)',
    ],
  })
})

it('is not ready with a subscription that has halted, nor after the end', async () => {
  const { app, bus } = await watched()
  bus.subscribe(Rang, { name: 'ear', onPoison: 'halt' }, () => {
    throw new PermanentError('too loud')
  })
  await bus.start()
  await bus.publish(Rang, {})
  await expect
    .poll(async () => (await app.inject('/health/ready')).json())
    .toEqual({
      status: 'not ready',
      reasons: ['/house: subscription ear has halted at an event it cannot handle'],
    })
  await bus.close()
  expect((await app.inject('/health/ready')).json()).toMatchObject({
    reasons: expect.arrayContaining(['/house: the bus is closed, not started']),
  })
  expect((await app.inject('/health/live')).statusCode).toBe(200)
})

it('asks further, and a question that fails is a reason', async () => {
  const one = await watched({ also: () => ['the mail server is away'] })
  await one.bus.start()
  expect((await one.app.inject('/health/ready')).json()).toMatchObject({ reasons: ['the mail server is away'] })
  const other = await watched({
    also: () => {
      throw new Error('broken')
    },
  })
  await other.bus.start()
  expect((await other.app.inject('/health/ready')).json()).toMatchObject({
    reasons: ['a check of readiness has failed'],
  })
})

it('hands out what the meter says', async () => {
  const app = Fastify()
  await app.register(metrics, { text: () => Promise.resolve('up 1\n') })
  const answer = await app.inject('/metrics')
  expect(answer.body).toBe('up 1\n')
  expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
})
