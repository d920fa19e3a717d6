import assert from 'node:assert/strict'

import type { Offset, Transport } from 'tidings/spi'

import { allEnd } from '../suite/all-end.ts'
import type { Case } from '../suite/case.ts'
import { eventually, never } from '../suite/eventually.ts'
import { same } from '../suite/same.ts'
import { balanced, closeMember, formGroup, spread } from './groups-has.ts'
import { allHear, allOwned, heard, joinGroup, type Member, offencesOf } from './member.ts'
import { listen, publishAll } from './publishing.ts'
import type { TransportWorld } from './transport-world.ts'

/** For logs whose groups share partitions: each has one owner at a time. */
export const logGroups: readonly Case<TransportWorld>[] = [
  {
    promise: 'assigned',
    title:
      'while members come and go under load, nothing is delivered of partitions that are not owned, and calls do not overlap',
    run: async (world) => same(offencesOf(await comeAndGo(world), 'assigned', 'calls'), []),
  },
  {
    promise: 'revoked',
    title: 'while members come and go under load, no partition has two owners',
    run: async (world) => same(offencesOf(await comeAndGo(world), 'owners'), []),
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
      await closeMember(world, owner)
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

async function comeAndGo(world: TransportWorld): Promise<readonly Member[]> {
  const pause = (): Promise<void> => Promise.resolve()
  const { members, transports } = await formGroup(world, 2, { beforeAssigned: pause, beforeRevoked: pause })
  const written = spread(world, 240)
  for (let at = 0; at < 6; at++) {
    const change = async (): Promise<void> => {
      if (at % 2 === 1) return closeMember(world, members[at - 1] as Member)
      const transport = transports[at % transports.length] as Transport
      members.push(await joinGroup(world, transport, { progress: (members[0] as Member).progress }))
    }
    await allEnd([publishAll(world, world.transport, written.slice(at * 40, at * 40 + 40)), change()])
  }
  await allHear(world, members, written)
  return members
}
