import assert from 'node:assert/strict'

import type { Delivery } from 'tidings/spi'

import type { Case } from '../suite/case.ts'
import { records } from '../suite/event-records.ts'
import { eventually } from '../suite/eventually.ts'
import { same } from '../suite/same.ts'
import { allHear, allOwned, heard, joinGroup } from './member.ts'
import { listen, publishAll } from './publishing.ts'
import type { TransportWorld } from './transport-world.ts'

/** For transports where what was never settled comes again. */
export const redeliveryHas: readonly Case<TransportWorld>[] = [
  {
    promise: 'redelivery',
    title: 'what a member heard and never settled comes again to the next one',
    run: async (world) => {
      const { transport } = world
      const careless = await listen(world, transport, 'group', { settles: false })
      const written = records(world, 20)
      await publishAll(world, transport, written)
      await allHear(world, [careless], written)
      await world.end(careless.consumer.close(), 'close of a consumer')
      const next = await listen(world, await world.connect(), 'group')
      await allHear(world, [next], written)
    },
  },
  {
    promise: 'redelivery',
    title: 'what died with its member unsettled comes again to another',
    run: async (world) => {
      const mortal = await world.connect()
      const careless = await listen(world, mortal, 'group', { settles: false })
      const written = records(world, 20)
      await publishAll(world, world.transport, written)
      await allHear(world, [careless], written)
      await world.crash(mortal)
      const next = await joinGroup(world, world.transport)
      await allOwned(world, [next], world.takeover)
      await allHear(world, [next], written, world.takeover)
    },
  },
]

/** For queues: each delivery is settled by itself. */
export const queueSettling: readonly Case<TransportWorld>[] = [
  {
    promise: 'settle',
    title: 'a delivery settled `again` comes again, one settled `done` does not',
    run: async (world) => {
      const { transport, patience } = world
      const seen = new Map<string, number>()
      const member = await joinGroup(world, transport, {
        settles: false,
        onDelivery: (delivery: Delivery, self) => {
          const id = delivery.record?.id ?? ''
          const times = (seen.get(id) ?? 0) + 1
          seen.set(id, times)
          self.consumer.settle(delivery, times < 3 && delivery.record?.key === 'again' ? 'again' : 'done')
        },
      })
      const written = [...records(world, 5, { key: 'again' }), ...records(world, 5, { key: 'done' })]
      await publishAll(world, transport, written)
      await eventually(() => {
        for (const one of written) assert.equal(seen.get(one.id), one.key === 'again' ? 3 : 1)
      }, patience)
      await world.end(member.consumer.close(), 'close of a consumer')
      const next = await joinGroup(world, transport)
      const last = records(world, 1)
      await publishAll(world, transport, last)
      await allHear(world, [next], last)
      same(
        heard(next),
        last.map((one) => one.id),
      )
    },
  },
]
