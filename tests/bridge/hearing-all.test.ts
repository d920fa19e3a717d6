import { defineEvent } from 'tidings'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type BrokerWorld, brokerWorld, note, type ServiceInstance } from './broker-world.ts'
import { type Member, type ScriptedBroker, scriptedBroker } from './scripted-broker.ts'

const Noted = defineEvent('note.taken')

let world: BrokerWorld
beforeEach(() => {
  world = brokerWorld(23)
})
afterEach(() => world.close())

/** A log whose topics have partitions of their own, as many as there are topics. */
const topicLog = (): ScriptedBroker => scriptedBroker('log', { topicPartitions: true })

const hearsAll = async ({ store }: ServiceInstance): Promise<boolean> =>
  (await store.find('inbox', { id: 'audit' })).length > 0

const starts = ({ members }: ScriptedBroker): (string | undefined)[] => members.map(({ start }) => start)

const last = ({ members }: ScriptedBroker): Member => members.at(-1) as Member

test('who has heard some topics and then hears all begins the others at their end, however long it takes to find that', async () => {
  const broker = topicLog()
  const audit = await world.open('audit', { through: broker.through })
  note(audit.bus, Noted)
  const starting = audit.bus.start()
  await world.until('it has joined', () => broker.members.length === 1)
  await world.run(last(broker).sink.assigned([0]))
  last(broker).sink.scanned(0, 5)
  await world.run(starting)
  note(audit.bus, '**', 'all')
  await world.until('it has joined for all', () => broker.members.length === 2)
  // Its store is slow to take the new partitions over, and then the broker to say where they end.
  const quicken = audit.disk.add({ what: 'delay', takes: [3_000, 3_000] })
  const assigned = last(broker).sink.assigned([0, 1])
  await world.runtime.advance(2_000)
  quicken()
  expect(await hearsAll(audit)).toBe(false)
  expect(await world.run(assigned)).toEqual([5, -1])
  await world.runtime.advance(60_000)
  expect(await hearsAll(audit)).toBe(false)
  expect(starts(broker)).toEqual(['end', 'end'])
  last(broker).sink.scanned(1, 700)
  await world.until('it hears new topics from their first event', () => broker.members.length === 3)
  expect(starts(broker)).toEqual(['end', 'end', 'beginning'])
  expect(broker.members.map(({ closed }) => closed)).toEqual([true, true, false])
  expect(await world.run(last(broker).sink.assigned([0, 1, 2]))).toEqual([5, 700, -1])
})

test('a broker that is slow to let a new group in makes no history new', async () => {
  const broker = topicLog()
  const joined = Promise.withResolvers<void>()
  broker.joining = joined.promise
  const audit = await world.open('audit', { through: broker.through })
  note(audit.bus, '**')
  await world.run(audit.bus.start())
  await world.runtime.advance(60_000)
  expect(await hearsAll(audit)).toBe(false)
  joined.resolve()
  await world.until('it has joined', () => broker.members.length === 1)
  await world.runtime.advance(3_000)
  const assigned = last(broker).sink.assigned([0, 1])
  expect(await world.run(assigned)).toEqual([-1, -1])
  last(broker).sink.scanned(0, 0)
  await world.runtime.advance(60_000)
  expect({ all: await hearsAll(audit), starts: starts(broker) }).toEqual({ all: false, starts: ['end'] })
  last(broker).sink.scanned(1, 9)
  await world.until('it hears new topics from their first event', () => broker.members.length === 2)
  expect(starts(broker)).toEqual(['end', 'beginning'])
})

test('where the broker holds nothing yet, the first event of the first topic is heard', async () => {
  const broker = topicLog()
  const audit = await world.open('audit', { through: broker.through })
  note(audit.bus, '**')
  await world.run(audit.bus.start())
  expect(starts(broker)).toEqual(['end', 'beginning'])
  await world.runtime.advance(60_000)
  expect(starts(broker)).toEqual(['end', 'beginning'])
})

test('two instances that start at once wait for each other, and then both hear new topics from their first event', async () => {
  const broker = topicLog()
  const first = await world.open('audit', { through: broker.through })
  const second = await world.open('audit', { through: broker.through })
  for (const { bus } of [first, second]) note(bus, '**')
  const starting = Promise.all([first.bus.start(), second.bus.start()])
  await world.until('both have joined', () => broker.members.length === 2)
  const [one, other] = broker.members as [Member, Member]
  await world.run(Promise.all([one.sink.assigned([0]), other.sink.assigned([1])]))
  one.sink.scanned(0, 300)
  await world.run(starting)
  await world.runtime.advance(60_000)
  expect({ all: await hearsAll(first), starts: starts(broker) }).toEqual({ all: false, starts: ['end', 'end'] })
  other.sink.scanned(1, 400)
  await world.until('both have joined anew', () => broker.members.length === 4)
  expect(starts(broker)).toEqual(['end', 'end', 'beginning', 'beginning'])
  expect([one.closed, other.closed]).toEqual([true, true])
  await world.runtime.advance(60_000)
  expect(broker.members).toHaveLength(4)
})

test('where all topics share their partitions, a group stands when it stands in each of them', async () => {
  const broker = scriptedBroker('log', { partitions: 3 })
  const audit = await world.open('audit', { through: broker.through })
  note(audit.bus, '**')
  const starting = audit.bus.start()
  await world.until('it has joined', () => broker.members.length === 1)
  await world.run(last(broker).sink.assigned([0, 1]))
  for (const partition of [0, 1]) last(broker).sink.scanned(partition, 8)
  await world.run(starting)
  await world.runtime.advance(60_000)
  expect(starts(broker)).toEqual(['end'])
  await world.run(last(broker).sink.assigned([2]))
  last(broker).sink.scanned(2, 0)
  await world.until('it hears new topics from their first event', () => broker.members.length === 2)
  expect(starts(broker)).toEqual(['end', 'beginning'])
})

test('places in a log that is no more say nothing of the one that is there now', async () => {
  const old = scriptedBroker('log', { partitions: 2, log: 'one' })
  const before = await world.open('audit', { through: old.through })
  note(before.bus, Noted)
  const beginning = before.bus.start()
  await world.until('it has joined', () => old.members.length === 1)
  await world.run(last(old).sink.assigned([0, 1]))
  for (const partition of [0, 1]) last(old).sink.scanned(partition, 8)
  await world.run(beginning)
  await world.run(before.bus.close({ deadline: 5_000 }))
  const broker = scriptedBroker('log', { partitions: 2, log: 'other' })
  const audit = await world.open('audit', { through: broker.through })
  note(audit.bus, '**', 'all')
  const starting = audit.bus.start()
  await world.until('it has joined again', () => broker.members.length === 1)
  expect(await world.run(last(broker).sink.assigned([0]))).toEqual([-1])
  last(broker).sink.scanned(0, 3)
  await world.run(starting)
  await world.runtime.advance(60_000)
  expect(starts(broker)).toEqual(['end'])
  expect(await world.run(last(broker).sink.assigned([1]))).toEqual([-1])
  last(broker).sink.scanned(1, 4)
  await world.until('it hears new topics from their first event', () => broker.members.length === 2)
})

test('a store that fails while it is looked does not end the looking', async () => {
  const broker = topicLog()
  const audit = await world.open('audit', { through: broker.through })
  note(audit.bus, '**')
  const starting = audit.bus.start()
  await world.until('it has joined', () => broker.members.length === 1)
  await world.run(last(broker).sink.assigned([0]))
  await world.run(starting)
  audit.disk.add({ what: 'fail', times: 1, lasts: '60s' })
  await world.runtime.advance(30_000)
  last(broker).sink.scanned(0, 3)
  await world.until('it hears new topics from their first event', () => broker.members.length === 2, 120_000)
  expect(starts(broker)).toEqual(['end', 'beginning'])
  await world.run(audit.bus.close({ deadline: 5_000 }))
  audit.crash()
  expect(world.runtime.pending).toBe(0)
})
