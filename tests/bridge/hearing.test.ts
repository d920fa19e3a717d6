import { busStatus, defineEvent } from 'tidings'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type BrokerWorld, brokerWorld, note } from './broker-world.ts'
import { scriptedBroker } from './scripted-broker.ts'

const Noted = defineEvent('note.taken')
const OrderPlaced = defineEvent('order.placed')
const UserRegistered = defineEvent('user.registered')

let world: BrokerWorld
beforeEach(() => {
  world = brokerWorld(17)
})
afterEach(() => world.close())

test('late subscriptions that come together leave one membership, which hears them all', async () => {
  const broker = scriptedBroker('queue')
  const audit = await world.open('audit', { through: broker.through })
  note(audit.bus, Noted)
  await world.run(audit.bus.start())
  const left = Promise.withResolvers<void>()
  broker.leaving = left.promise
  note(audit.bus, OrderPlaced, 'orders')
  await world.runtime.advance(100)
  note(audit.bus, UserRegistered, 'users')
  await world.runtime.advance(1_000)
  left.resolve()
  await world.run(audit.bus.start())
  await world.runtime.advance(30_000)
  const living = broker.members.filter(({ closed }) => !closed)
  expect(living.map(({ topics }) => topics)).toEqual([['note', 'order', 'user']])
  expect((await busStatus(audit.bus)).bridge?.inbox.state).toBe('joined')
  await world.run(audit.bus.close({ deadline: 5_000 }))
  expect(broker.members.filter(({ closed }) => !closed)).toEqual([])
})

test('a bus that closes while a late subscription is on its way joins nothing any more', async () => {
  const broker = scriptedBroker('queue')
  const audit = await world.open('audit', { through: broker.through })
  note(audit.bus, Noted)
  await world.run(audit.bus.start())
  const left = Promise.withResolvers<void>()
  broker.leaving = left.promise
  note(audit.bus, OrderPlaced, 'orders')
  await world.runtime.advance(1_000)
  const closing = audit.bus.close({ deadline: 5_000 })
  await world.runtime.advance(1)
  left.resolve()
  await world.run(closing)
  await world.runtime.advance(60_000)
  expect(broker.members.map(({ closed }) => closed)).toEqual([true])
  audit.crash()
  expect(world.runtime.pending).toBe(0)
})

test('a bus that closes while it joins leaves again', async () => {
  const broker = scriptedBroker('queue')
  const audit = await world.open('audit', { through: broker.through })
  note(audit.bus, Noted)
  const joined = Promise.withResolvers<void>()
  broker.joining = joined.promise
  const starting = expect(audit.bus.start()).rejects.toMatchObject({ code: 'TIDINGS_CLOSED' })
  await world.runtime.advance(10)
  const closing = audit.bus.close({ deadline: 1_000 })
  await world.runtime.advance(2_000)
  joined.resolve()
  await world.run(closing)
  await world.runtime.advance(60_000)
  await starting
  expect(broker.members.map(({ closed }) => closed)).toEqual([true])
  expect(world.runtime.pending).toBe(0)
})
