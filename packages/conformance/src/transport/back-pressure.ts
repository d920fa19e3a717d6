import assert from 'node:assert/strict'

import type { Topic } from '../suite/case.ts'
import { record } from '../suite/event-records.ts'
import { eventually, never } from '../suite/eventually.ts'
import { same } from '../suite/same.ts'
import { allHear, allOwned, joinGroup, offencesOf } from './member.ts'
import { listen, publishAll } from './publishing.ts'
import type { TransportWorld } from './transport-world.ts'

export const backPressure: Topic<TransportWorld> = {
  name: 'back-pressure',
  cases: [
    {
      promise: 'credit',
      title: 'delivers exactly what was requested, over all partitions together, and no more',
      run: async (world) => {
        const { transport, patience } = world
        const slow = await joinGroup(world, transport, { group: 'slow', request: 0 })
        await allOwned(world, [slow])
        // The other group is the clock: when it has heard everything, the slow one could have too.
        const quick = await listen(world, transport, 'quick')
        const written = Array.from({ length: 60 }, (_, at) => record(world, { key: `k-${at}` }))
        let allowed = 0
        for (const count of [0, 1, 3, 1, 10]) {
          const more = written.splice(0, 10)
          await publishAll(world, transport, more)
          await allHear(world, [quick], more)
          allowed += count
          slow.request(count)
          await eventually(() => slow.deliveries.length >= allowed, patience)
          await never(() => slow.deliveries.length > allowed, `More than the ${allowed} requested were delivered.`, {
            ...patience,
            deadline: 20,
          })
        }
        slow.request(1_000)
        await eventually(() => slow.deliveries.length === quick.deliveries.length, patience)
        same(offencesOf([slow, quick], 'credit'), [])
      },
    },
    {
      promise: 'credit',
      title: 'what was requested before there was anything is not forgotten',
      run: async (world) => {
        const { transport, patience } = world
        const member = await joinGroup(world, transport, { request: 2 })
        await allOwned(world, [member])
        member.request(3)
        const written = Array.from({ length: 9 }, (_, at) => record(world, { key: `k-${at}` }))
        await publishAll(world, transport, written)
        await eventually(() => member.deliveries.length === 5, patience)
        member.request(4)
        await eventually(() => member.deliveries.length === 9, patience)
        same(offencesOf([member], 'credit'), [])
        assert.equal(new Set(member.deliveries.map((delivery) => delivery.record?.id)).size, 9)
      },
    },
    {
      promise: 'credit',
      title: 'holds while members ask for one at a time under a storm of events',
      run: async (world) => {
        const { transport, volumes } = world
        const member = await joinGroup(world, transport, { request: 1 })
        await allOwned(world, [member])
        const written = Array.from({ length: Math.ceil(volumes.events / 5) }, (_, at) =>
          record(world, { key: `k-${at % 13}` }),
        )
        await publishAll(world, transport, written)
        for (let at = 1; at <= written.length; at++) {
          await eventually(() => member.deliveries.length >= at, world.patience)
          assert.equal(member.deliveries.length, at)
          if (at < written.length) member.request(1)
        }
        same(offencesOf([member], 'credit'), [])
      },
    },
  ],
}
