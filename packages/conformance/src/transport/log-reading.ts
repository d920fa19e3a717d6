import assert from 'node:assert/strict'

import type { Delivery, EventRecord, Offset } from 'tidings/spi'

import type { Case } from '../suite/case.ts'
import { record, records } from '../suite/event-records.ts'
import { eventually } from '../suite/eventually.ts'
import { same } from '../suite/same.ts'
import { allHear, allOwned, heard, joinGroup, type Member, offencesOf } from './member.ts'
import { listen, publishAll } from './publishing.ts'
import type { TransportWorld } from './transport-world.ts'

/** For transports of kind `log`: partitions are read from an offset that the reader names. */
export const logReading: readonly Case<TransportWorld>[] = [
  {
    promise: 'assigned',
    title: 'delivers nothing of a partition before `assigned` has resolved',
    run: async (world) => {
      const { transport } = world
      const gate = Promise.withResolvers<void>()
      const member = await joinGroup(world, transport, { group: 'waits', beforeAssigned: () => gate.promise })
      const clock = await listen(world, transport, 'clock')
      const written = Array.from({ length: 30 }, (_, at) => record(world, { key: `k-${at}` }))
      await publishAll(world, transport, written)
      await allHear(world, [clock], written)
      same(member.deliveries, [])
      gate.resolve()
      await allHear(world, [member], written)
      same(offencesOf([member], 'assigned'), [])
    },
  },
  {
    promise: 'offset-after',
    title: 'reading begins after the offset that `assigned` answered, partition by partition',
    run: async (world) => {
      const { transport } = world
      const first = await listen(world, transport, 'first')
      const written = Array.from({ length: 60 }, (_, at) => record(world, { key: `k-${at % 20}` }))
      await publishAll(world, transport, written)
      await allHear(world, [first], written)
      const progress = halfWay(first.deliveries)
      const expected = first.deliveries.filter(({ partition, offset }) => offset > (progress.get(partition) ?? 0))
      const second = await listen(world, transport, 'second', { progress })
      const more = Array.from({ length: 20 }, (_, at) => record(world, { key: `k-${at}` }))
      await publishAll(world, transport, more)
      await allHear(world, [second], more)
      same(
        heard(second).toSorted(),
        [...expected.map(({ record: one }) => one?.id ?? ''), ...more.map((one) => one.id)].toSorted(),
      )
    },
  },
  {
    promise: 'start',
    title:
      'who knows no offset hears everything from the beginning, or, if told so, only what comes after its assignment',
    run: async (world) => {
      const { transport } = world
      const past = records(world, 15, { key: 'k-1' })
      await publishAll(world, transport, past)
      const usual = await listen(world, transport, 'usual', { ignorant: true })
      const beginning = await listen(world, transport, 'beginning', { ignorant: true, start: 'beginning' })
      const end = await listen(world, transport, 'end', { ignorant: true, start: 'end' })
      // Being assigned is known before reading has found its place; what is certain begins when something was heard.
      await eventually(async () => {
        const probe = record(world, { key: 'k-1' })
        past.push(probe)
        await publishAll(world, transport, [probe])
        await allHear(world, [end], [probe], { ...world.patience, deadline: world.patience.deadline / 10 })
      }, world.patience)
      const more = records(world, 5, { key: 'k-1' })
      await publishAll(world, transport, more)
      for (const member of [usual, beginning]) {
        await allHear(world, [member], [...past, ...more])
        assert.equal(member.deliveries.length, past.length + more.length)
      }
      await allHear(world, [end], more)
      const old = new Set(past.slice(0, 15).map((one) => one.id))
      same(
        heard(end).filter((id) => old.has(id)),
        [],
      )
    },
  },
  {
    promise: 'start',
    title:
      'where a partition ends before the place that a store remembers, it was made anew, and is read as by who knows none',
    run: async (world) => {
      const { transport } = world
      const past = records(world, 10, { key: 'k-1' })
      await publishAll(world, transport, past)
      const first = await listen(world, transport, 'first')
      await allHear(world, [first], past)
      const partition = first.deliveries[0]?.partition ?? 0
      const later = await listen(world, transport, 'later', {
        store: 'a store that has seen more',
        progress: new Map([[partition, 1_000_000_000]]),
      })
      await allHear(world, [later], past)
      assert.ok((later.scanned.get(partition) ?? 0) < 1_000_000_000, 'it was not told where reading begins')
    },
  },
  {
    promise: 'seek',
    title: 'seek starts a partition over after an offset, back or forth, and leaves the others alone',
    run: async (world) => {
      const { transport, patience } = world
      const member = await listen(world, transport, 'group')
      const written = Array.from({ length: 60 }, (_, at) => record(world, { key: `k-${at % 20}` }))
      await publishAll(world, transport, written)
      await allHear(world, [member], written)
      const partition = member.deliveries[0]?.partition ?? 0
      const own = member.deliveries.filter((delivery) => delivery.partition === partition)
      const middle = own[Math.floor(own.length / 2)] as Delivery
      const again = own.filter(({ offset }) => offset > middle.offset)
      member.seek(partition, middle.offset)
      await eventually(() => member.deliveries.length === written.length + again.length, patience)
      same(heard({ deliveries: member.deliveries.slice(written.length) }), heard({ deliveries: again }))
      member.seek(partition, 0)
      await eventually(() => member.deliveries.length === written.length + again.length + own.length, patience)
      const head = Math.max(...own.map(({ offset }) => offset))
      member.seek(partition, head)
      const more = Array.from({ length: 20 }, (_, at) => record(world, { key: `k-${at}` }))
      const before = member.deliveries.length
      await publishAll(world, transport, more)
      await allHear(world, [member], more)
      assert.equal(member.deliveries.length, before + more.length)
    },
  },
  {
    promise: 'done',
    title: 'done is a hint: said early, late, twice or never, it changes no delivery',
    run: async (world) => {
      const { transport } = world
      const member = await listen(world, transport, 'group', { settles: false })
      const written = records(world, 20)
      await publishAll(world, transport, written.slice(0, 10))
      await allHear(world, [member], written.slice(0, 10))
      const { partition, offset } = member.deliveries[4] as Delivery
      for (const done of [offset, offset, 0, offset]) member.consumer.done(partition, done)
      await publishAll(world, transport, written.slice(10))
      await allHear(world, [member], written)
      same(
        heard(member),
        written.map((one) => one.id),
      )
    },
  },
  {
    promise: 'scanned',
    title: 'says how far it has looked, also beyond events of other topics, and never too far',
    run: async (world) => {
      const { transport, patience } = world
      const narrow = await listen(world, transport, 'narrow', { topics: ['order'] })
      const wide = await listen(world, transport, 'wide')
      const written: EventRecord[] = []
      for (let round = 0; round < 4; round++) {
        const batch = Array.from({ length: 30 }, (_, at) =>
          record(world, { key: `k-${at}`, category: at % 3 === 0 ? 'order' : 'customer' }),
        )
        await publishAll(world, transport, batch)
        written.push(...batch)
        await allHear(world, [wide], written)
      }
      await allHear(
        world,
        [narrow],
        written.filter(({ category }) => category === 'order'),
      )
      const ends = new Map<number, Offset>()
      for (const { partition, offset } of wide.deliveries)
        ends.set(partition, Math.max(offset, ends.get(partition) ?? 0))
      for (const [partition, end] of ends) {
        await eventually(() => {
          for (const member of [wide, narrow]) {
            // Where topics have partitions of their own, it has nothing to do with those of others.
            if (!member.owned.has(partition)) continue
            const scanned = member.scanned.get(partition) ?? 0
            assert.ok(scanned >= end, `partition ${partition} is scanned to ${scanned}, its last event is ${end}`)
          }
        }, patience)
      }
      same(offencesOf([narrow, wide], 'scanned'), [])
    },
  },
  {
    promise: 'scanned',
    title: 'does not call scanned what waits for a request',
    run: async (world) => {
      const { transport } = world
      const member = await joinGroup(world, transport, { group: 'slow', request: 5 })
      await allOwned(world, [member])
      const clock = await listen(world, transport, 'clock')
      const written = Array.from({ length: 40 }, (_, at) => record(world, { key: `k-${at}` }))
      await publishAll(world, transport, written)
      await allHear(world, [clock], written)
      await eventually(() => member.deliveries.length >= 5, world.patience)
      checkUnscanned(member, clock)
      member.request(100)
      await allHear(world, [member], written)
      same(offencesOf([member], 'scanned'), [])
    },
  },
]

/** Nothing that only the other member has heard may lie at or below what this one calls scanned. */
function checkUnscanned(member: Member, other: Member): void {
  const known = new Set(heard(member))
  for (const { partition, offset, record: one } of other.deliveries) {
    if (known.has(one?.id ?? '')) continue
    assert.ok(
      offset > (member.scanned.get(partition) ?? 0),
      `offset ${offset} of partition ${partition} waits, but is called scanned`,
    )
  }
}

/** For each partition the offset of the delivery in its middle. */
function halfWay(deliveries: readonly Delivery[]): Map<number, Offset> {
  const byPartition = Map.groupBy(deliveries, (delivery) => delivery.partition)
  return new Map([...byPartition].map(([partition, own]) => [partition, own[Math.floor(own.length / 2)]?.offset ?? 0]))
}
