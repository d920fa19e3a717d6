import assert from 'node:assert/strict'

import type { EventRecord, Offset, Transport } from 'tidings/spi'

import { allEnd } from '../suite/all-end.ts'
import type { Case } from '../suite/case.ts'
import { record } from '../suite/event-records.ts'
import { eventually } from '../suite/eventually.ts'
import { same } from '../suite/same.ts'
import { allHear, allOwned, heard, joinGroup, type Member, type MemberOptions } from './member.ts'
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

export function closeMember(world: TransportWorld, member: Member): Promise<void> {
  return world.end(member.consumer.close(), 'close of a consumer')
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
      if (world.transport.capabilities.partitions >= members.length) {
        assert.ok(
          members.every((member) => member.deliveries.length > 0),
          'everybody has work',
        )
      }
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
      await allEnd([publishAll(world, world.transport, second), closeMember(world, members[1] as Member)])
      const left = [members[0], members[2]] as Member[]
      await balanced(world, left)
      const third = spread(world, 80)
      await publishAll(world, world.transport, third)
      const written = [...first, ...second, ...third]
      await allHear(world, members, written)
      same(members.flatMap(heard).toSorted(), written.map((one) => one.id).toSorted())
    },
  },
]
