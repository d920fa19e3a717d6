import { defineEvent } from 'tidings'
import type { Consumer, Delivery, Transport } from 'tidings/spi'
import { describe, expect, it } from 'vitest'

import { brokerWorld } from './broker-world.ts'

const OrderPlaced = defineEvent('order.placed')

/** A log as a queue whose partitions are assigned: it knows what was settled, and counts deliveries from 1 on each connection. */
function asQueue(log: Transport, settled: Map<number, number>): Transport {
  return {
    capabilities: Object.freeze({ ...log.capabilities, kind: 'queue', replay: false }),
    publish: (batch, signal) => log.publish(batch, signal),
    async subscribe(options, sink) {
      const places = new Map<Delivery, Delivery>()
      let numbered = 0
      const consumer: Consumer = await log.subscribe(options, {
        ...sink,
        async assigned(partitions) {
          await sink.assigned(partitions)
          return partitions.map((partition) => settled.get(partition) ?? 0)
        },
        revoked: (partitions) => sink.revoked(partitions),
        lost: (partitions) => sink.lost(partitions),
        deliver(deliveries) {
          const given = deliveries.map((delivery) => {
            const one = { ...delivery, offset: ++numbered }
            places.set(one, delivery)
            return one
          })
          sink.deliver(given)
        },
        scanned() {},
        ended: (cause) => sink.ended(cause),
      })
      return {
        ...consumer,
        request: (count) => consumer.request(count),
        done: () => expect.unreachable('A queue is told of each delivery'),
        settle(delivery, how) {
          expect(how).toBe('done')
          const place = places.get(delivery)
          expect(place).toBeDefined()
          if (place !== undefined) settled.set(place.partition, place.offset)
        },
        close: () => consumer.close(),
      }
    },
    close: () => log.close(),
  }
}

describe('an inbox over a queue that assigns partitions', () => {
  it('settles what it has stored, and takes in what comes after it has come back', async () => {
    const world = brokerWorld()
    const settled = new Map<number, number>()
    const through = (transport: Transport): Transport => asQueue(transport, settled)
    const heard: unknown[] = []
    const shop = await world.open('shop')
    await world.run(shop.bus.start())
    for (const round of [1, 2]) {
      const audit = await world.open('audit', { through })
      audit.bus.subscribe(OrderPlaced, { name: 'notes' }, ({ data }) => void heard.push(data))
      await world.run(audit.bus.start())
      for (let at = 0; at < 20; at++) await world.run(shop.bus.publish(OrderPlaced, { round, at }))
      await world.until('all of the round are heard', () => heard.length === round * 20)
      const done = (): number => [...settled.values()].length
      await world.until('they are settled', () => done() > 0)
      await world.run(audit.bus.close({ deadline: 1_000 }))
    }
    expect(heard).toHaveLength(40)
    await world.close()
  })
})
