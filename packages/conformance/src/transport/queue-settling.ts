import assert from 'node:assert/strict'

import type { Delivery } from 'tidings/spi'

import type { Case } from '../suite/case.ts'
import { record, records } from '../suite/event-records.ts'
import { eventually } from '../suite/eventually.ts'
import { same } from '../suite/same.ts'
import { allHear, heard, joinGroup } from './member.ts'
import { listen, publishAll } from './publishing.ts'
import type { TransportWorld } from './transport-world.ts'

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
  {
    promise: 'settle',
    title: 'settling twice, or what another member was given, changes nothing',
    run: async (world) => {
      const { transport } = world
      const taken: Delivery[] = []
      const member = await listen(world, transport, 'group', {
        settles: false,
        onDelivery: (delivery: Delivery) => void taken.push(delivery),
      })
      const other = await listen(world, transport, 'other')
      const first = records(world, 6)
      await publishAll(world, transport, first)
      await allHear(world, [member, other], first)
      for (const delivery of other.deliveries) member.consumer.settle(delivery, 'done')
      for (const how of ['done', 'done', 'again'] as const)
        for (const delivery of taken.slice(0, 6)) member.consumer.settle(delivery, how)
      const second = records(world, 3)
      await publishAll(world, transport, second)
      await allHear(world, [member, other], second)
      same(
        heard(member),
        [...first, ...second].map(({ id }) => id),
      )
      await world.end(member.consumer.close(), 'close of a consumer')
      // What was not settled comes again, and nothing else does.
      const next = await joinGroup(world, transport)
      await allHear(world, [next], second)
      same(heard(next).toSorted(), second.map(({ id }) => id).toSorted())
    },
  },
  {
    promise: 'topics',
    title: 'a group that nobody is in hears the topics of who joins it next, and no others',
    run: async (world) => {
      const { transport } = world
      const clock = await listen(world, transport, 'clock')
      for (const topics of [['order', 'customer'], ['customer', 'order-line'], ['order']]) {
        const member = await listen(world, transport, 'group', { topics })
        const written = ['order', 'customer', 'order-line'].map((category) => record(world, { category }))
        await publishAll(world, transport, written)
        const wanted = written.filter(({ category }) => topics.includes(category))
        await allHear(world, [member], wanted)
        await allHear(world, [clock], written)
        same(heard(member).toSorted(), wanted.map(({ id }) => id).toSorted())
        await world.end(member.consumer.close(), 'close of a consumer')
      }
    },
  },
]
