import type { EventRecord, Transport } from 'tidings/spi'

import type { Case } from '../suite/case.ts'
import { record } from '../suite/event-records.ts'
import { eventually } from '../suite/eventually.ts'
import { same } from '../suite/same.ts'
import { allHear, allOwned, heard, joinGroup, type Member } from './member.ts'
import { listen, publishAll } from './publishing.ts'
import type { TransportWorld } from './transport-world.ts'

const ignorant = { ignorant: true }

/** For logs whose groups remember how far they were told to be done. Nobody here knows an offset. */
export const remembersHas: readonly Case<TransportWorld>[] = [
  {
    promise: 'remembers',
    title: 'a group that comes again goes on where it was told to be done, and no other group does',
    run: async (world) => {
      const { transport } = world
      const first = await listen(world, transport, 'group', ignorant)
      const old = written(world, 40)
      await publishAll(world, transport, old)
      await allHear(world, [first], old)
      await world.end(first.consumer.close(), 'close of a consumer')
      const fresh = written(world, 20)
      await publishAll(world, transport, fresh)
      await hearsExactly(world, await world.connect(), fresh)
      const stranger = await listen(world, transport, 'stranger', ignorant)
      await allHear(world, [stranger], [...old, ...fresh])
    },
  },
  {
    promise: 'remembers',
    title: 'what was delivered and not done comes again, what was done does not, partition by partition',
    run: async (world) => {
      const { transport } = world
      const { first, left } = await doHalf(world, transport)
      await world.end(first.consumer.close(), 'close of a consumer')
      await hearsExactly(world, await world.connect(), left)
    },
  },
  {
    promise: 'remembers',
    title: 'when a member has died, nothing is lost of what was not done',
    run: async (world) => {
      const mortal = await world.connect()
      const { left } = await doHalf(world, mortal)
      await world.crash(mortal)
      const next = await joinGroup(world, world.transport, ignorant)
      await allOwned(world, [next], world.takeover)
      await allHear(world, [next], left, world.takeover)
    },
  },
  {
    promise: 'remembers',
    title: 'what moves to another member goes on there, and nothing done is done again',
    run: async (world) => {
      const { transport } = world
      const first = await listen(world, transport, 'group', ignorant)
      const old = written(world, 40)
      await publishAll(world, transport, old)
      await allHear(world, [first], old)
      const second = await joinGroup(world, await world.connect(), ignorant)
      await eventually(() => second.owned.size > 0, world.takeover)
      await allOwned(world, [first, second], world.takeover)
      const fresh = written(world, 40)
      await publishAll(world, transport, fresh)
      await allHear(world, [first, second], fresh)
      same(idsOf([...old, ...fresh]), [...heard(first), ...heard(second)].toSorted())
    },
  },
  {
    promise: 'remembers',
    title: 'who began at the end goes on from there, although nothing had happened yet',
    run: async (world) => {
      const { transport } = world
      await publishAll(world, transport, written(world, 20))
      const first = await listen(world, transport, 'group', { ...ignorant, start: 'end' })
      await eventually(() => [...first.owned].every((partition) => first.scanned.has(partition)), world.patience)
      await world.end(first.consumer.close(), 'close of a consumer')
      const fresh = written(world, 20)
      await publishAll(world, transport, fresh)
      await hearsExactly(world, await world.connect(), fresh, 'end')
    },
  },
]

/** A member that has done half of what it was given of each partition, and what is left. */
async function doHalf(
  world: TransportWorld,
  transport: Transport,
): Promise<{ readonly first: Member; readonly left: readonly EventRecord[] }> {
  const first = await listen(world, transport, 'group', { ...ignorant, settles: false })
  const all = written(world, 60)
  await publishAll(world, transport, all)
  await allHear(world, [first], all)
  const done = new Set<string>()
  for (const [partition, own] of Map.groupBy(first.deliveries, (delivery) => delivery.partition)) {
    const half = own.slice(0, Math.ceil(own.length / 2))
    for (const { record: one } of half) done.add(one?.id ?? '')
    first.consumer.done(partition, half.at(-1)?.offset ?? 0)
  }
  return { first, left: all.filter(({ id }) => !done.has(id)) }
}

/** The group comes again and hears these, all others that come after them, and nothing from before. */
async function hearsExactly(
  world: TransportWorld,
  transport: Transport,
  events: readonly EventRecord[],
  start: 'beginning' | 'end' = 'beginning',
): Promise<void> {
  const again = await listen(world, transport, 'group', { ...ignorant, start })
  await allHear(world, [again], events)
  const last = written(world, 20)
  await publishAll(world, transport, last)
  await allHear(world, [again], last)
  same(heard(again).toSorted(), idsOf([...events, ...last]))
}

function written(world: TransportWorld, count: number): EventRecord[] {
  return Array.from({ length: count }, (_, at) => record(world, { key: `k-${at % 20}` }))
}

function idsOf(events: readonly EventRecord[]): string[] {
  return events.map(({ id }) => id).toSorted()
}
