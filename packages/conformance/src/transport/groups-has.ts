import assert from 'node:assert/strict'

import type { EventRecord, Offset, Transport } from 'tidings/spi'

import type { Case } from '../suite/case.ts'
import { record } from '../suite/event-records.ts'
import { eventually, never } from '../suite/eventually.ts'
import { same } from '../suite/same.ts'
import { allHear, allOwned, heard, joinGroup, type Member, type MemberOptions, offencesOf } from './member.ts'
import { listen, publishAll } from './publishing.ts'
import type { TransportWorld } from './transport-world.ts'

export function spread(world: TransportWorld, count: number): EventRecord[] {
  return Array.from({ length: count }, (_, at) => record(world, { key: `k-${at % 40}` }))
}

/** A group whose members sit on transports of their own and share their progress, as engines share checkpoints. */
export async function formGroup(
  world: TransportWorld,
  size: number,
  options: MemberOptions = {},
): Promise<{ members: Member[]; transports: Transport[] }> {
  const progress = new Map<number, Offset>()
  const transports: Transport[] = []
  const members: Member[] = []
  for (let at = 0; at < size; at++) {
    const transport = at === 0 ? world.transport : await world.connect()
    transports.push(transport)
    members.push(await joinGroup(world, transport, { progress, ...options }))
  }
  return { members, transports }
}

/** Waits until the partitions are shared evenly: nobody has two more than another. */
export async function balanced(world: TransportWorld, members: readonly Member[]): Promise<void> {
  if (world.transport.capabilities.kind !== 'log') return
  await allOwned(world, members)
  await eventually(() => {
    const sizes = members.map((member) => member.owned.size)
    assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, `partitions are shared as ${sizes.join(', ')}`)
  }, world.patience)
}

/** For transports whose instances share the work of a group. */
export const groupsHas: readonly Case<TransportWorld>[] = [
  {
    promise: 'groups',
    title: 'members share the partitions evenly, each has one owner, and each event is heard by one member',
    run: async (world) => {
      const { members } = await formGroup(world, 3)
      await balanced(world, members)
      const owned = members.flatMap((member) => [...member.owned])
      assert.equal(new Set(owned).size, owned.length)
      const written = spread(world, 200)
      await publishAll(world, world.transport, written)
      await allHear(world, members, written)
      same(members.flatMap(heard).toSorted(), written.map((one) => one.id).toSorted())
    },
  },
  {
    promise: 'groups',
    title: 'members on one connection share as well, and groups do not see each other',
    run: async (world) => {
      const { transport } = world
      const progress = new Map<number, Offset>()
      const members = [await joinGroup(world, transport, { progress }), await joinGroup(world, transport, { progress })]
      const other = await listen(world, transport, 'other')
      await balanced(world, members)
      const written = spread(world, 80)
      await publishAll(world, transport, written)
      await allHear(world, members, written)
      await allHear(world, [other], written)
      assert.equal(members.flatMap(heard).length, written.length)
      assert.equal(other.deliveries.length, written.length)
    },
  },
  {
    promise: 'groups',
    title: 'who leaves hands over: the others go on where it ended, nothing is lost and nothing heard twice',
    run: async (world) => {
      const { members } = await formGroup(world, 3)
      await balanced(world, members)
      const first = spread(world, 80)
      await publishAll(world, world.transport, first)
      const second = spread(world, 80)
      const publishing = publishAll(world, world.transport, second)
      await world.end((members[1] as Member).consumer.close(), 'close of a consumer')
      await publishing
      const left = [members[0], members[2]] as Member[]
      await balanced(world, left)
      const third = spread(world, 80)
      await publishAll(world, world.transport, third)
      const written = [...first, ...second, ...third]
      await allHear(world, members, written)
      same(members.flatMap(heard).toSorted(), written.map((one) => one.id).toSorted())
    },
  },
  {
    promise: 'assigned',
    title:
      'while members come and go under load, nothing is delivered of partitions that are not owned, and calls do not overlap',
    run: async (world) => {
      const { members, transports } = await formGroup(world, 2, {
        beforeAssigned: () => Promise.resolve(),
        beforeRevoked: () => Promise.resolve(),
      })
      const written = spread(world, 240)
      for (let at = 0; at < 6; at++) {
        const publishing = publishAll(world, world.transport, written.slice(at * 40, at * 40 + 40))
        if (at % 2 === 0) {
          const transport = transports[at % transports.length] as Transport
          members.push(await joinGroup(world, transport, { progress: (members[0] as Member).progress }))
        } else await world.end((members[at - 1] as Member).consumer.close(), 'close of a consumer')
        await publishing
      }
      await allHear(world, members, written)
      same(offencesOf(members, 'assigned', 'calls'), [])
    },
  },
  {
    promise: 'exclusive',
    title: 'in an exclusive group one member owns everything, and another takes all of it over',
    run: async (world) => {
      const { members } = await formGroup(world, 3, { exclusive: true })
      const ownsAll = (): Member[] => members.filter((member) => member.owned.size > 0)
      await allOwned(world, members)
      assert.equal(ownsAll().length, 1)
      const first = spread(world, 40)
      await publishAll(world, world.transport, first)
      await allHear(world, members, first)
      const owner = ownsAll()[0] as Member
      same(heard(owner).length, first.length)
      await world.end(owner.consumer.close(), 'close of a consumer')
      await allOwned(world, members)
      assert.equal(ownsAll().length, 1)
      const second = spread(world, 40)
      await publishAll(world, world.transport, second)
      await allHear(world, members, second)
      assert.equal(members.flatMap(heard).length, first.length + second.length)
    },
  },
  {
    promise: 'revoked',
    title: 'a partition has no new owner while `revoked` of the old one has not resolved',
    run: async (world) => {
      const { transport, patience } = world
      const gate = Promise.withResolvers<void>()
      const progress = new Map<number, Offset>()
      const old = await listen(world, transport, 'group', { progress, beforeRevoked: () => gate.promise })
      const all = new Set(old.owned)
      const fresh = await joinGroup(world, await world.connect(), { progress })
      await eventually(() => old.owned.size < all.size, patience)
      const leaving = [...all].filter((partition) => !old.owned.has(partition))
      // Time passes: longer than any round of the group, shorter than a lease.
      await never(
        () => leaving.some((partition) => fresh.owned.has(partition)),
        'A partition was given away too early.',
        { ...patience, deadline: 60 },
      )
      gate.resolve()
      await balanced(world, [old, fresh])
      assert.ok(leaving.every((partition) => !old.owned.has(partition)))
    },
  },
  {
    promise: 'takeover',
    title:
      'the partitions of a member that died belong to others within the time declared, who go on from the progress made',
    run: async (world) => {
      const { members, transports } = await formGroup(world, 3)
      await balanced(world, members)
      const first = spread(world, 80)
      await publishAll(world, world.transport, first)
      await allHear(world, members, first)
      const dead = members[2] as Member
      await world.crash(transports[2] as Transport)
      const deaf = dead.deliveries.length
      const left = members.slice(0, 2)
      const second = spread(world, 80)
      await publishAll(world, world.transport, second)
      await allOwned(world, left, world.takeover)
      await allHear(world, left, second, world.takeover)
      assert.equal(dead.deliveries.length, deaf, 'the dead hear nothing')
      same(left.flatMap(heard).filter((id) => second.some((one) => one.id === id)).length, second.length)
    },
  },
]
