import { defineEvent } from 'tidings'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type BrokerWorld, brokerWorld, note, type ServiceInstance } from './broker-world.ts'
import { deliveries, type Member, type ScriptedBroker, scriptedBroker } from './scripted-broker.ts'

const Noted = defineEvent('note.taken')
const OrderPlaced = defineEvent('order.placed')

let world: BrokerWorld
beforeEach(() => {
  world = brokerWorld(19)
})
afterEach(() => world.close())

async function listening(): Promise<{ broker: ScriptedBroker; audit: ServiceInstance; member: Member }> {
  const broker = scriptedBroker('fanout')
  const audit = await world.open('audit', { inbox: { batch: 10 }, through: broker.through })
  note(audit.bus, Noted)
  await world.run(audit.bus.start())
  return { broker, audit, member: broker.members[0] as Member }
}

const stored = async ({ store }: ServiceInstance): Promise<string[]> =>
  (await store.readAll({ after: 0, limit: 1_000 })).events.map(({ record }) => record.id)

const ids = (to: number): string[] => deliveries(1, to).map(({ record }) => record?.id as string)

test('a bus that closes stores what it has heard from a broker that does not repeat it', async () => {
  const { broker, audit, member } = await listening()
  const left = Promise.withResolvers<void>()
  broker.leaving = left.promise
  audit.disk.add({ what: 'delay', at: 'publish', takes: [100, 100] })
  member.sink.deliver(deliveries(1, 30))
  const closing = audit.bus.close({ deadline: 20_000 })
  // Until it has left, it hears.
  member.sink.deliver(deliveries(31, 35))
  await world.runtime.advance(10)
  member.sink.deliver(deliveries(36, 40))
  left.resolve()
  await world.run(closing)
  expect(await stored(audit)).toEqual(ids(40))
})

test('a store that is away does not hold a close up beyond its deadline', async () => {
  const { audit, member } = await listening()
  audit.disk.add({ what: 'fail' })
  member.sink.deliver(deliveries(1, 30))
  await world.runtime.advance(1_000)
  const began = world.runtime.monotonic()
  await world.run(audit.bus.close({ deadline: 4_000 }))
  expect(world.runtime.monotonic() - began).toBeLessThan(5_000)
})

test('a late subscription costs nothing of what is heard meanwhile, and mixes up no order', async () => {
  const { broker, audit, member } = await listening()
  const joined = Promise.withResolvers<void>()
  const left = Promise.withResolvers<void>()
  broker.joining = joined.promise
  broker.leaving = left.promise
  audit.disk.add({ what: 'fail', at: 'publish', times: 1, lasts: '8s' })
  member.sink.deliver(deliveries(1, 30))
  note(audit.bus, OrderPlaced, 'orders')
  await world.runtime.advance(1_000)
  expect(member.closed).toBe(false)
  member.sink.deliver(deliveries(31, 40))
  joined.resolve()
  await world.until('the new membership is there', () => broker.members.length === 2)
  const next = broker.members[1] as Member
  expect(next.topics).toEqual(['note', 'order'])
  // Both hear for a while.
  for (const { sink } of [member, next]) sink.deliver(deliveries(41, 45))
  await world.runtime.advance(100)
  left.resolve()
  await world.until('the old one is gone', () => member.closed)
  next.sink.deliver(deliveries(46, 50))
  await world.until('all are stored', async () => (await stored(audit)).length === 50)
  expect(await stored(audit)).toEqual(ids(50))
  expect(broker.members.map(({ closed }) => closed)).toEqual([true, false])
  await world.run(audit.bus.start())
})

test('a bus that closes while one membership follows another leaves both, and keeps what they have heard', async () => {
  const { broker, audit, member } = await listening()
  const left = Promise.withResolvers<void>()
  broker.leaving = left.promise
  note(audit.bus, OrderPlaced, 'orders')
  await world.until('both are there', () => broker.members.length === 2)
  const next = broker.members[1] as Member
  for (const { sink } of [member, next]) sink.deliver(deliveries(1, 20))
  next.sink.deliver(deliveries(21, 25))
  const closing = audit.bus.close({ deadline: 20_000 })
  await world.runtime.advance(100)
  left.resolve()
  await world.run(closing)
  expect(await stored(audit)).toEqual(ids(25))
  expect(broker.members.map(({ closed }) => closed)).toEqual([true, true])
  await world.runtime.advance(60_000)
  expect(world.runtime.pending).toBe(0)
})
