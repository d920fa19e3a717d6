import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { type SqliteDurability, sqlite } from '@tidings/sqlite'
import { createEventBus, type Receipt } from 'tidings'
import { realRuntime, silentLog, silentMeter } from 'tidings/spi'

import type { Side, SideHost } from '../harness/side.ts'
import { orderPlaced } from '../order-definition.ts'
import { type Order, orderOf } from '../order-event.ts'
import { MarkedHeads } from './marked-heads.ts'
import { Tally } from './tally.ts'

const subscription = 'orders'

/**
 * A bus on an SQLite file. Options: `durability`; `handled`: a subscription handles every event, and a round ends when the last of them is handled
 * and the file says so.
 */
export async function open({ folder, options }: SideHost): Promise<Side> {
  const { durability = 'full', handled = false } = options
  const path = join(folder, 'tidings.db')
  const store = await sqlite(path, { durability: durability as SqliteDurability }).open({
    runtime: realRuntime(),
    log: silentLog,
    meter: silentMeter,
  })
  const bus = await createEventBus({ store, source: '/shop' })
  const tally = new Tally()
  const heads = new MarkedHeads(store, subscription)
  if (handled) bus.subscribe<Order>(orderPlaced, { name: subscription, concurrency: 16 }, async () => tally.add())
  await bus.start()

  const rows = new DatabaseSync(path, { readOnly: true }).prepare('select count(*) as n from tidings_events')
  const publish = (at: number): Promise<Receipt> => bus.publish(orderPlaced, orderOf(at))
  return {
    one: handled ? async (at) => heads.note(at, await publish(at)) : publish,
    batch: async (from, count) => {
      const receipts = await bus.publish(
        Array.from({ length: count }, (_, at) => orderPlaced.create(orderOf(from + at))),
      )
      if (handled) for (const [at, receipt] of receipts.entries()) heads.note(from + at, receipt)
    },
    seen: () => (handled ? tally.count : Number(rows.get()?.n)),
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
