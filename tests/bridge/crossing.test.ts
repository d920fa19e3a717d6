import { busStatus, createEventBus, defineEvent, memoryStore, operationsOf, operationsOn } from 'tidings'
import { type Host, logTransport } from 'tidings/spi'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type BrokerWorld, brokerWorld, note } from './broker-world.ts'

const UserRegistered = defineEvent('user.registered')
const ProfileCreated = defineEvent('profile.created')
const OrderPlaced = defineEvent('order.placed', { key: (order: { orderId: string; n: number }) => order.orderId })

let world: BrokerWorld
beforeEach(() => {
  world = brokerWorld(7)
})
afterEach(() => world.close())

test('an event crosses to another service, its answer comes back, and both keep one correlation', async () => {
  const auth = await world.open('auth')
  const users = await world.open('users')
  const answered = note(auth.bus, ProfileCreated)
  users.bus.subscribe(UserRegistered, { name: 'profiles' }, async (event, { publish }) => {
    await publish(ProfileCreated, { id: (event.data as { id: string }).id })
  })
  await world.run(Promise.all([auth.bus.start(), users.bus.start()]))
  const { id } = await world.run(auth.bus.publish(UserRegistered, { id: 'u-1' }, { correlationId: 'c-1' }))
  await world.until('the answer is back', () => answered.length === 1)
  expect(answered[0]).toMatchObject({
    attempt: 1,
    event: { source: '/users', type: 'profile.created', context: { correlationId: 'c-1', causationId: id } },
  })
  await world.runtime.advance(30_000)
  expect(answered).toHaveLength(1)
  const { events } = await world.broker.readAll({ after: 0, limit: 10 })
  expect(events.map(({ record }) => [record.source, record.type])).toEqual([
    ['/auth', 'user.registered'],
    ['/users', 'profile.created'],
  ])
})

test('what a service hears of its own comes once, though the broker sends it back', async () => {
  const auth = await world.open('auth')
  const heard = note(auth.bus, UserRegistered)
  await world.run(auth.bus.start())
  for (let n = 0; n < 20; n++) await world.run(auth.bus.publish(UserRegistered, { id: `u-${n}` }))
  await world.until('the echo has come', async () => (await busStatus(auth.bus)).bridge?.inbox.duplicates === 20)
  expect(heard).toHaveLength(20)
  const { events } = await world.broker.readAll({ after: 0, limit: 100 })
  expect(events).toHaveLength(20)
  expect((await auth.store.readAll({ after: 0, limit: 100 })).events).toHaveLength(20)
})

test('a second store under the same source hears what the first has published', async () => {
  const first = await world.open('auth', { group: 'first' })
  const second = await world.open('auth', { memory: 'other', group: 'second' })
  const heard = [note(first.bus, UserRegistered), note(second.bus, UserRegistered)] as const
  await world.run(Promise.all([first.bus.start(), second.bus.start()]))
  await world.run(first.bus.publish(UserRegistered, { id: 'u-1' }))
  await world.run(second.bus.publish(UserRegistered, { id: 'u-2' }))
  await world.until('both have heard both', () => heard.every(({ length }) => length === 2))
  await world.runtime.advance(30_000)
  expect(heard.map(({ length }) => length)).toEqual([2, 2])
  // Nothing that was received was sent back.
  expect((await world.broker.readAll({ after: 0, limit: 10 })).events).toHaveLength(2)
})

test('a service that comes later hears what comes later', async () => {
  const shop = await world.open('shop')
  await world.run(shop.bus.start())
  await world.run(shop.bus.publish(OrderPlaced, { orderId: 'o-1', n: 1 }))
  await world.until(
    'it is relayed',
    async () => (await world.broker.readAll({ after: 0, limit: 9 })).events.length === 1,
  )
  const late = await world.open('late')
  const eager = await world.open('eager', { inbox: { from: 'beginning' } })
  const heard = note(late.bus, OrderPlaced)
  const all = note(eager.bus, OrderPlaced)
  await world.run(Promise.all([late.bus.start(), eager.bus.start()]))
  await world.run(shop.bus.publish(OrderPlaced, { orderId: 'o-1', n: 2 }))
  await world.until('both are there', () => heard.length > 0 && all.length > 1)
  expect(heard.map(({ event }) => (event.data as { n: number }).n)).toEqual([2])
  expect(all.map(({ event }) => (event.data as { n: number }).n)).toEqual([1, 2])
})

test('the relay and the inbox are told of in the status', async () => {
  const shop = await world.open('shop')
  const audit = await world.open('audit')
  note(audit.bus, 'order.*')
  await world.run(Promise.all([shop.bus.start(), audit.bus.start()]))
  for (let n = 0; n < 5; n++) await world.run(shop.bus.publish(OrderPlaced, { orderId: `o-${n}`, n }))
  await world.until('all have come', async () => (await busStatus(audit.bus)).bridge?.inbox.received === 5)
  expect((await busStatus(shop.bus)).bridge).toMatchObject({
    broker: { name: 'memory', kind: 'log' },
    relay: { name: 'relay', lag: 0, parked: 0, breaker: 'closed', started: true },
    inbox: { state: 'idle', group: 'shop' },
  })
  expect((await busStatus(audit.bus)).bridge?.inbox).toMatchObject({
    state: 'joined',
    topics: undefined,
    received: 5,
    duplicates: 0,
    dead: 0,
    partitions: [0, 1, 2, 3],
  })
  expect((await operationsOn(audit.store).status()).inboxes).toEqual([
    {
      group: 'audit',
      partitions: 4,
      received: 5,
      duplicates: 0,
      dead: 0,
      lastAt: expect.any(Number) as number,
      lastAge: expect.any(Number) as number,
    },
  ])
  const status = await operationsOf(shop.bus).status()
  expect(status.subscriptions.map(({ name, waiting }) => [name, waiting.events])).toEqual([['relay', 0]])
})

test('a service that changes its broker begins anew there, and keeps what it has', async () => {
  const named = (name: string): Parameters<BrokerWorld['open']>[1] => ({
    inbox: { from: 'beginning' },
    through: (transport) => ({ ...transport, capabilities: { ...transport.capabilities, name } }),
  })
  const shop = await world.open('shop')
  const before = await world.open('audit', named('one'))
  const heard = note(before.bus, OrderPlaced)
  await world.run(Promise.all([shop.bus.start(), before.bus.start()]))
  for (let n = 0; n < 5; n++) await world.run(shop.bus.publish(OrderPlaced, { orderId: 'o-1', n }))
  await world.until('all have come', () => heard.length === 5)
  await world.runtime.advance(10_000)
  before.crash()
  const after = await world.open('audit', named('two'))
  note(after.bus, OrderPlaced)
  await world.run(after.bus.start())
  await world.until('it has begun anew', async () => (await busStatus(after.bus)).bridge?.inbox.duplicates === 5)
  expect((await after.store.readAll({ after: 0, limit: 10 })).events).toHaveLength(5)
})

test('a second instance with a store of its own is refused by the group, and let in when the first has died', async () => {
  const first = await world.open('audit')
  note(first.bus, OrderPlaced)
  await world.run(first.bus.start())
  const second = await world.open('audit', { memory: 'another' })
  note(second.bus, OrderPlaced)
  await expect(world.run(second.bus.start())).rejects.toMatchObject({ code: 'TIDINGS_GROUP_SPLIT' })
  // An instance on the same store is welcome.
  const third = await world.open('audit')
  note(third.bus, OrderPlaced)
  await world.run(third.bus.start())
  first.crash()
  third.crash()
  const fourth = await world.open('audit', { memory: 'another' })
  const heard = note(fourth.bus, OrderPlaced)
  await world.run(fourth.bus.start())
  const shop = await world.open('shop')
  await world.run(shop.bus.start())
  await world.run(shop.bus.publish(OrderPlaced, { orderId: 'o-1', n: 1 }))
  await world.until('it has come', () => heard.length === 1)
})

test('the relay of a store begins with what is published from then on, or with its whole log', async () => {
  const store = memoryStore()
  const before = await createEventBus({ store, source: '/shop', runtime: world.runtime })
  await before.publish(OrderPlaced, { orderId: 'o-1', n: 1 })
  const atBroker = async (): Promise<number> => (await world.broker.readAll({ after: 0, limit: 9 })).events.length
  const transport = { name: 'log', open: async (host: Host) => logTransport(world.broker, host) }
  const later = await world.run(createEventBus({ store, source: '/shop', runtime: world.runtime, transport }))
  // Registered when it was opened: what is published before the start is relayed, too.
  await later.publish(OrderPlaced, { orderId: 'o-1', n: 2 })
  await world.run(later.start())
  await world.until('the second is there', async () => (await atBroker()) === 1)

  const other = memoryStore()
  const history = await createEventBus({ store: other, source: '/history', runtime: world.runtime })
  await history.publish(OrderPlaced, { orderId: 'o-2', n: 1 })
  const relay = { from: 'beginning' } as const
  const whole = await world.run(
    createEventBus({ store: other, source: '/history', runtime: world.runtime, transport, relay }),
  )
  await world.run(whole.start())
  await world.until('the first is there, too', async () => (await atBroker()) === 2)
  await world.run(Promise.all([before, later, history, whole].map((bus) => bus.close())))
})

test('two services cannot relay one store, and nobody may take the names of relay and inbox', async () => {
  const shop = await world.open('shop')
  await expect(world.open('audit', { memory: 'shop' })).rejects.toMatchObject({
    code: 'TIDINGS_SUBSCRIPTION_CHANGED',
    message: expect.stringContaining('each service has a store of its own') as string,
  })
  for (const name of ['relay', 'inbox'])
    expect(() => shop.bus.subscribe(OrderPlaced, { name }, () => {})).toThrow('another than')
})

test('a subscription that is declared later is heard for, too', async () => {
  const shop = await world.open('shop')
  const audit = await world.open('audit')
  const orders = note(audit.bus, OrderPlaced)
  await world.run(Promise.all([shop.bus.start(), audit.bus.start()]))
  expect((await busStatus(audit.bus)).bridge?.inbox.topics).toEqual(['order'])
  const users = note(audit.bus, UserRegistered, 'users')
  await world.until('it asks for both', async () => (await busStatus(audit.bus)).bridge?.inbox.topics?.length === 2)
  await world.until('it is in its group', async () => (await busStatus(audit.bus)).bridge?.inbox.state === 'joined')
  await world.runtime.advance(10_000)
  await world.run(shop.bus.publish(UserRegistered, { id: 'u-1' }))
  await world.run(shop.bus.publish(OrderPlaced, { orderId: 'o-1', n: 1 }))
  await world.until('both have come', () => users.length === 1 && orders.length === 1)
})
