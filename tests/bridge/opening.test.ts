import { busStatus, createEventBus, defineEvent, memoryStore, TidingsError, UnavailableError } from 'tidings'
import { logTransport, type Transport, virtualRuntime } from 'tidings/spi'
import { expect, test } from 'vitest'

import { note } from './broker-world.ts'

const Noted = defineEvent('note.taken')

test('a bus opens and publishes while its broker is away, and joins it when it is there', async () => {
  const runtime = virtualRuntime({ seed: 2 })
  const broker = memoryStore()
  const logged: string[] = []
  let there = false
  const transport = {
    name: 'log',
    open: async (host: Parameters<typeof logTransport>[1]) => {
      if (!there) throw new TidingsError('TIDINGS_BROKER_UNAVAILABLE', 'No broker can be reached.')
      return logTransport(broker, host)
    },
  }
  const open = (source: string) =>
    createEventBus({
      url: 'memory:',
      source,
      transport,
      runtime,
      inbox: { from: 'beginning' },
      log: (level, message) => void logged.push(`${level} ${message}`),
    })
  const shop = await open('/shop')
  const audit = await open('/audit')
  const heard = note(audit, Noted)
  const starting = Promise.all([shop.start(), audit.start()])
  await runtime.advance(30_000)
  await starting
  expect(logged).toContain('error The broker is away; events wait in the store until it is there')
  await shop.publish(Noted, { id: 'n-1' })
  await runtime.advance(60_000)
  expect(heard).toEqual([])
  expect((await busStatus(audit)).bridge).toMatchObject({ broker: { name: 'log' }, inbox: { state: 'joining' } })
  there = true
  await runtime.advance(60_000)
  expect(heard).toHaveLength(1)
  expect((await busStatus(audit)).bridge).toMatchObject({ broker: { name: 'memory', kind: 'log' } })
  expect(logged.some((line) => line.startsWith('info Events are kept in memory'))).toBe(true)
  const closing = Promise.all([shop.close(), audit.close()])
  await runtime.advance(30_000)
  await closing
})

test('a client that has given up is closed and opened anew, and the group is joined again', async () => {
  const runtime = virtualRuntime({ seed: 3 })
  const broker = memoryStore()
  const opened: { dead: boolean; closed: boolean }[] = []
  const transport = {
    name: 'log',
    async open(host: Parameters<typeof logTransport>[1]): Promise<Transport> {
      const inner = logTransport(broker, host)
      const one = { dead: false, closed: false }
      opened.push(one)
      return {
        capabilities: inner.capabilities,
        publish: async (batch, signal) =>
          one.dead
            ? batch.map(() => ({ status: 'unknown', error: new UnavailableError('The client has given up') }))
            : inner.publish(batch, signal),
        subscribe: (options, sink) => inner.subscribe(options, sink),
        close: () => {
          one.closed = true
          return inner.close()
        },
      }
    },
  }
  const bus = await createEventBus({ url: 'memory:', source: '/shop', transport, runtime })
  note(bus, Noted)
  const starting = bus.start()
  await runtime.advance(1_000)
  await starting
  await bus.publish(Noted, { id: 'n-1' })
  await runtime.advance(1_000)
  expect(opened).toHaveLength(1)
  ;(opened[0] as { dead: boolean }).dead = true
  await bus.publish(Noted, { id: 'n-2' })
  await runtime.advance(50_000)
  expect(opened).toHaveLength(1)
  await runtime.advance(60_000)
  expect(opened).toHaveLength(2)
  expect(opened[0]?.closed).toBe(true)
  expect((await broker.readAll({ after: 0, limit: 10 })).events).toHaveLength(2)
  expect((await busStatus(bus)).bridge).toMatchObject({ relay: { lag: 0 }, inbox: { state: 'joined' } })
  const closing = bus.close()
  await runtime.advance(30_000)
  await closing
  expect(opened[1]?.closed).toBe(true)
})

test('a client that publishes nothing for long but delivers is left alone', async () => {
  const runtime = virtualRuntime({ seed: 4 })
  const broker = memoryStore()
  let opened = 0
  let ended = 0
  const blocked = {
    name: 'log',
    async open(host: Parameters<typeof logTransport>[1]): Promise<Transport> {
      const inner = logTransport(broker, host)
      opened++
      return {
        capabilities: inner.capabilities,
        publish: async (batch) =>
          batch.map(() => ({ status: 'unknown', error: new UnavailableError('The broker is short of memory') })),
        subscribe: (options, sink) => inner.subscribe(options, sink),
        close() {
          ended++
          return inner.close()
        },
      }
    },
  }
  const open = async (host: Parameters<typeof logTransport>[1]): Promise<Transport> => logTransport(broker, host)
  const shop = await createEventBus({ url: 'memory:', source: '/shop', transport: { name: 'log', open }, runtime })
  const audit = await createEventBus({ url: 'memory:', source: '/audit', transport: blocked, runtime })
  const heard = note(audit, Noted)
  const starting = Promise.all([shop.start(), audit.start()])
  await runtime.advance(1_000)
  await starting
  await audit.publish(Noted, { id: 'own' })
  for (let n = 0; n < 30; n++) {
    await shop.publish(Noted, { id: `n-${n}` })
    await runtime.advance(10_000)
  }
  expect({ heard: heard.length, opened, ended }).toEqual({ heard: 31, opened: 1, ended: 0 })
  expect((await busStatus(audit)).bridge).toMatchObject({ inbox: { state: 'joined' } })
  // When nothing comes either, the client may have given up.
  await runtime.advance(300_000)
  expect({ opened: opened > 1, ended: ended > 0 }).toEqual({ opened: true, ended: true })
  const closing = Promise.all([shop.close(), audit.close()])
  await runtime.advance(30_000)
  await closing
})

test('a mistake in how the broker is named is told at once', async () => {
  const transport = {
    name: 'log',
    open: () => Promise.reject(new TidingsError('TIDINGS_INVALID_OPTION', 'Expected `brokers` to be there.')),
  }
  await expect(createEventBus({ url: 'memory:', transport })).rejects.toMatchObject({ code: 'TIDINGS_INVALID_OPTION' })
})
