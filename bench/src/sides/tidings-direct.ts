import { randomUUID } from 'node:crypto'

import { createEventBus, type EventBus } from 'tidings'

import type { Side, SideHost } from '../harness/side.ts'
import { orderPlaced } from '../order-definition.ts'
import { type Order, orderOf } from '../order-event.ts'
import { busAddress } from './brokers/bus-address.ts'
import { clearPlace } from './brokers/clear-place.ts'
import { Tally } from './tally.ts'

const subscription = 'orders'

/**
 * A bus without a store: events go straight to the broker and come from it. Options: `server` and its `url`; `handled`: a subscription handles every
 * event. How far it is is told to the broker while it works, and not waited for.
 */
export async function open({ options }: SideHost): Promise<Side> {
  const { server, url: shared, handled = false } = options
  const [broker, url] = [String(server), String(shared)]
  const place = `bench-${randomUUID().slice(0, 8)}`
  const tally = new Tally()
  const start = async (hears: boolean): Promise<EventBus> => {
    const bus = await createEventBus({ store: 'none', transportUrl: busAddress(broker, url, place), source: '/shop' })
    if (hears)
      bus.subscribe<Order>(orderPlaced, { name: subscription, concurrency: 16, from: 'beginning' }, async ({ key }) =>
        tally.add(key),
      )
    await bus.start()
    return bus
  }
  // Somebody wants what is published: a broker of queues keeps nothing for nobody.
  if (handled !== true) await (await start(true)).close()
  const bus = await start(handled === true)
  let acknowledged = 0
  return {
    one: async (at) => {
      await bus.publish(orderPlaced, orderOf(at))
      acknowledged++
    },
    seen: () => (handled === true ? tally.count : acknowledged),
    hears: (heard) => void (tally.heard = heard),
    finished: (total) => (handled === true ? tally.reach(total) : Promise.resolve()),
    close: async () => {
      await bus.close()
      await clearPlace(broker, url, place, [`shop.${subscription}`])
    },
  }
}
