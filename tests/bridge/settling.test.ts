import { createEventBus, defineEvent, memoryStore } from 'tidings'
import { logTransport } from 'tidings/spi'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type BrokerWorld, brokerWorld } from './broker-world.ts'

const Noted = defineEvent('note.taken')

let world: BrokerWorld
beforeEach(() => {
  world = brokerWorld(9)
})
afterEach(() => world.close())

const atBroker = async (): Promise<number> => (await world.broker.readAll({ after: 0, limit: 100 })).events.length

test('publish waits for the broker where it is asked to', async () => {
  const shop = await world.open('shop')
  await world.run(shop.bus.start())
  const receipt = await world.run(shop.bus.publish(Noted, { id: 'n-1' }, { settle: 'broker' }))
  expect(await atBroker()).toBe(1)
  // A broker in memory makes nothing durable.
  expect(receipt).toMatchObject({ durability: 'memory', position: 1 })
  const receipts = await world.run(
    shop.bus.publish([Noted.create({ id: 'n-2' }), Noted.create({ id: 'n-3' })], { settle: 'broker' }),
  )
  expect(receipts).toHaveLength(2)
  expect(await atBroker()).toBe(3)
})

test('the receipt of a durable broker says so', async () => {
  const shop = await world.open('shop', {
    through: (transport) => ({ ...transport, capabilities: { ...transport.capabilities, durability: 'broker' } }),
  })
  await world.run(shop.bus.start())
  expect(await world.run(shop.bus.publish(Noted, { id: 'n-1' }, { settle: 'broker' }))).toMatchObject({
    durability: 'broker',
  })
  expect(await world.run(shop.bus.publish(Noted, { id: 'n-2' }))).toMatchObject({ durability: 'memory' })
})

test('a broker that stays away is told after the deadline; the event is stored, and comes there later', async () => {
  const shop = await world.open('shop')
  await world.run(shop.bus.start())
  shop.link.add({ what: 'fail', times: 1, lasts: '60s' })
  const began = world.runtime.monotonic()
  await expect(
    world.run(shop.bus.publish(Noted, { id: 'n-1' }, { settle: 'broker', deadline: '5s' })),
  ).rejects.toMatchObject({ code: 'TIDINGS_DEADLINE', details: { stored: true } })
  expect(world.runtime.monotonic() - began).toBeLessThan(5_500)
  await world.until('it is there', async () => (await atBroker()) === 1)
})

test('what another process relays is found out by what it has written down', async () => {
  const first = await world.open('shop')
  await world.run(first.bus.start())
  // Publishes only: its relay never runs.
  const second = await world.open('shop')
  await world.run(second.bus.publish(Noted, { id: 'n-1' }, { settle: 'broker' }))
  expect(await atBroker()).toBe(1)
})

test('an event that the broker refuses is told to its publisher', async () => {
  const shop = await world.open('shop', {
    through: (transport) => ({
      ...transport,
      publish: async (batch) => batch.map(() => ({ status: 'refused', error: new Error('too large') })),
    }),
  })
  await world.run(shop.bus.start())
  await expect(world.run(shop.bus.publish(Noted, { id: 'n-1' }, { settle: 'broker' }))).rejects.toMatchObject({
    code: 'TIDINGS_RELAY_REFUSED',
    details: { stored: true },
  })
})

test('what is published before the start stays until the relay has handed it over, however much it is', async () => {
  const sent: string[] = []
  const shop = await createEventBus({
    url: 'memory:',
    keep: 10,
    source: '/shop',
    runtime: world.runtime,
    transport: {
      name: 'noting',
      open: async (host) => ({
        ...logTransport(world.broker, host),
        publish: async (batch) => {
          sent.push(...batch.map(({ id }) => id))
          return batch.map(() => ({ status: 'stored' as const }))
        },
      }),
    },
  })
  const settling = shop.publish(Noted, { id: 'n-0' }, { id: 'n-0', settle: 'broker' })
  for (let n = 1; n < 100; n++) await world.run(shop.publish(Noted, { id: `n-${n}` }, { id: `n-${n}` }))
  let isSettled = false
  settling.then(
    () => (isSettled = true),
    () => {},
  )
  await world.runtime.advance(2_000)
  expect({ isSettled, sent }).toEqual({ isSettled: false, sent: [] })
  await world.run(shop.start())
  await world.run(settling)
  await world.until('all are there', () => sent.length === 100)
  expect(sent.toSorted()).toEqual(Array.from({ length: 100 }, (_, n) => `n-${n}`).toSorted())
  // From here on it is trimmed as ever.
  await world.runtime.advance(10_000)
  for (let n = 100; n < 150; n++) await world.run(shop.publish(Noted, { id: `n-${n}` }))
  await world.runtime.advance(10_000)
  for (let n = 150; n < 200; n++) await world.run(shop.publish(Noted, { id: `n-${n}` }))
  let kept = 0
  for await (const _ of shop.store.readAll()) kept++
  expect(kept).toBeLessThan(100)
  await world.run(shop.close({ deadline: 1_000 }))
})

test('without a broker it is refused before anything is written', async () => {
  const store = memoryStore()
  const bus = await createEventBus({ store })
  await expect(bus.publish(Noted, { id: 'n-1' }, { settle: 'broker' })).rejects.toMatchObject({
    code: 'TIDINGS_NOT_SUPPORTED',
  })
  await expect(bus.publish(Noted, { id: 'n-1' }, { settle: 'moon' as 'store' })).rejects.toMatchObject({
    code: 'TIDINGS_INVALID_OPTION',
    details: { field: 'settle' },
  })
  expect((await store.readAll({ after: 0, limit: 1 })).events).toEqual([])
  await bus.close()
})
