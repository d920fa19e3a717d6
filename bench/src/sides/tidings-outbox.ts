import { randomUUID } from 'node:crypto'

import { postgres } from '@tidings/postgres'
import { createEventBus, type EventBus } from 'tidings'
import { realRuntime, type Store, silentLog, silentMeter } from 'tidings/spi'

import type { Side, SideHost } from '../harness/side.ts'
import { orderPlaced } from '../order-definition.ts'
import { type Order, orderOf } from '../order-event.ts'
import { busAddress } from './brokers/bus-address.ts'
import { clearPlace } from './brokers/clear-place.ts'
import { Tally } from './tally.ts'

/**
 * Two services, each with a schema of its own in PostgreSQL, joined by a broker: the one publishes into its store, from where the relay hands events
 * over; the other takes them into its store and handles them there. Options: `server` and its `url`, `postgres`: the address of that.
 */
export async function open({ options }: SideHost): Promise<Side> {
  const { server, url: shared, postgres: database } = options
  const [broker, url] = [String(server), String(shared)]
  const place = `bench-${randomUUID().slice(0, 8)}`
  const stores: Store[] = []
  const service = async (name: string): Promise<EventBus> => {
    const schema = `bench_${name}_${randomUUID().slice(0, 8)}`
    const host = { runtime: realRuntime(), log: silentLog, meter: silentMeter }
    const store = await postgres(String(database), { schema }).open(host)
    stores.push(store)
    return createEventBus({ store, transportUrl: busAddress(broker, url, place), source: `/${name}` })
  }
  const tally = new Tally()
  const [shop, billing] = [await service('shop'), await service('billing')]
  billing.subscribe<Order>(orderPlaced, { name: 'orders', concurrency: 16 }, async ({ key }) => tally.add(key))
  await Promise.all([billing.start(), shop.start()])
  return {
    one: async (at) => void (await shop.publish(orderPlaced, orderOf(at))),
    seen: () => tally.count,
    finished: (total) => tally.reach(total),
    close: async () => {
      await Promise.all([shop.close(), billing.close()])
      for (const store of stores) await store.close()
      await clearPlace(broker, url, place, ['billing', 'shop'])
    },
  }
}
