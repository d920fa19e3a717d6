import assert from 'node:assert/strict'

import type { Delivery } from 'tidings/spi'

import type { Case } from '../suite/case.ts'
import { record } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { allHear, type Member, offencesOf } from './member.ts'
import { listen, publishAll } from './publishing.ts'
import type { TransportWorld } from './transport-world.ts'

/** For transports that declare `ordering: 'stream'`. */
export const orderHas: readonly Case<TransportWorld>[] = [
  {
    promise: 'order',
    title: 'events of one stream arrive in the order of the batch, and of calls that follow one another',
    run: async (world) => {
      const { transport, volumes, chance } = world
      const members = [
        await listen(world, transport, 'first'),
        await listen(world, await world.connect(), 'second', {
          request: 3,
          onDelivery: (_: Delivery, self: Member) => self.request(1),
        }),
      ]
      const sent = new Map<string, string[]>()
      for (let published = 0; published < volumes.events; ) {
        const batch = Array.from({ length: 1 + Math.floor(chance.random() * 40) }, () =>
          record(world, { key: `k-${Math.floor(chance.random() * 16)}` }),
        )
        for (const one of batch) sent.set(one.key, [...(sent.get(one.key) ?? []), one.id])
        await publishAll(world, transport, batch)
        published += batch.length
      }
      for (const member of members) {
        await allHear(
          world,
          [member],
          [...sent.values()].flat().map((id) => record(world, { id })),
        )
        for (const [key, ids] of sent) {
          const own = member.deliveries.filter((delivery) => delivery.record?.key === key)
          same(
            own.map((delivery) => delivery.record?.id),
            ids,
            `order of stream ${key}`,
          )
        }
      }
    },
  },
  {
    promise: 'order',
    title: 'calls that overlap keep the order inside each batch',
    run: async (world) => {
      const { transport } = world
      const member = await listen(world, transport, 'group')
      const batches = Array.from({ length: 10 }, () => Array.from({ length: 10 }, () => record(world)))
      await Promise.all(batches.map((batch) => publishAll(world, transport, batch)))
      await allHear(world, [member], batches.flat())
      const places = new Map(member.deliveries.map((delivery, at) => [delivery.record?.id, at]))
      for (const batch of batches) {
        const order = batch.map((one) => places.get(one.id) ?? -1)
        same(
          order,
          order.toSorted((a, b) => a - b),
        )
      }
    },
  },
  {
    promise: 'offsets',
    title: 'offsets ascend along each partition',
    run: async (world) => {
      const { transport } = world
      const member = await listen(world, transport, 'group')
      const written = Array.from({ length: 80 }, (_, at) => record(world, { key: `k-${at % 20}` }))
      for (let at = 0; at < written.length; at += 20) await publishAll(world, transport, written.slice(at, at + 20))
      await allHear(world, [member], written)
      same(offencesOf([member], 'offsets'), [])
      for (const { offset } of member.deliveries) assert.ok(Number.isSafeInteger(offset) && offset >= 0)
    },
  },
]
