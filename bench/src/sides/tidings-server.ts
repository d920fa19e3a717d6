import { randomUUID } from 'node:crypto'

import { createEventBus, type Receipt } from 'tidings'
import { realRuntime, type StoreAdapter, silentLog, silentMeter } from 'tidings/spi'

import type { Side, SideHost } from '../harness/side.ts'
import { orderPlaced } from '../order-definition.ts'
import { type Order, orderOf } from '../order-event.ts'
import { MarkedHeads } from './marked-heads.ts'
import { Tally } from './tally.ts'

const subscription = 'orders'

/** Which package serves which server, and how a run gets a store that nobody else uses. */
const adapters = {
  postgres: { name: '@tidings/postgres', own: (url: URL, name: string) => url.searchParams.set('schema', name) },
  redis: { name: '@tidings/redis', own: (url: URL, name: string) => url.searchParams.set('prefix', `${name}:`) },
} as const

/**
 * A bus whose store, and transport, is a server. Options: `server` and its `url`; `handled`: a subscription handles every event, and a round ends
 * when the last of them is handled and the store says so.
 */
export async function open({ options }: SideHost): Promise<Side> {
  const { server, url: shared, handled = false } = options
  const { name, own } = adapters[server as keyof typeof adapters]
  const url = new URL(String(shared))
  own(url, `bench_${randomUUID().replaceAll('-', '').slice(0, 12)}`)
  const adapter = (await import(name)) as { fromUrl(url: string): StoreAdapter }
  const store = await adapter.fromUrl(url.href).open({ runtime: realRuntime(), log: silentLog, meter: silentMeter })
  const bus = await createEventBus({ store, source: '/shop' })
  const tally = new Tally()
  const heads = new MarkedHeads(store, subscription)
  if (handled)
    bus.subscribe<Order>(orderPlaced, { name: subscription, concurrency: 16 }, async ({ key }) => tally.add(key))
  await bus.start()

  let acknowledged = 0
  const publish = async (at: number): Promise<void> => {
    const receipt: Receipt = await bus.publish(orderPlaced, orderOf(at))
    acknowledged++
    if (handled) heads.note(at, receipt)
  }
  return {
    one: publish,
    batch: async (from, count) => {
      const receipts = await bus.publish(
        Array.from({ length: count }, (_, at) => orderPlaced.create(orderOf(from + at))),
      )
      acknowledged += receipts.length
      if (handled) for (const [at, receipt] of receipts.entries()) heads.note(from + at, receipt)
    },
    seen: () => (handled ? tally.count : acknowledged),
    hears: (heard) => void (tally.heard = heard),
    async finished(total) {
      if (!handled) return
      await tally.reach(total)
      await heads.marked()
    },
    close: async () => {
      await bus.close()
      await store.close()
    },
  }
}
