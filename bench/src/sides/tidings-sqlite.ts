import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { type SqliteDurability, sqlite } from '@tidings/sqlite'
import { createEventBus, type Receipt } from 'tidings'
import { partitionOf, realRuntime, type Store, silentLog, silentMeter, streamText } from 'tidings/spi'

import type { Side, SideHost } from '../harness/side.ts'
import { orderPlaced } from '../order-definition.ts'
import { keyOf, type Order, orderOf, orders } from '../order-event.ts'
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
  const heads = new Heads(store)
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

/** Where each partition's last event stands, and whether the subscription's checkpoints have got there. */
class Heads {
  readonly #store: Store
  readonly #partitionOf: readonly number[]
  readonly #heads = new Map<number, number>()

  constructor(store: Store) {
    this.#store = store
    const { partitions } = store.capabilities
    this.#partitionOf = Array.from({ length: orders }, (_, at) =>
      partitionOf(streamText({ tenant: '', category: 'order', key: keyOf(at) }), partitions),
    )
  }

  note(at: number, { position }: Receipt): void {
    const partition = this.#partitionOf[at % orders] as number
    if (position > (this.#heads.get(partition) ?? 0)) this.#heads.set(partition, position)
  }

  /** Resolves when the file says of every event that it is handled. */
  async marked(): Promise<void> {
    while (!(await this.#allMarked())) await new Promise(setImmediate)
  }

  async #allMarked(): Promise<boolean> {
    const checkpoints = await this.#store.find('checkpoints', { prefix: `${subscription}/0/` })
    const watermarks = new Map(
      checkpoints.map(({ id, body }) => [
        Number(id.slice(id.lastIndexOf('/') + 1)),
        (JSON.parse(body) as { watermark: number }).watermark,
      ]),
    )
    return [...this.#heads].every(([partition, head]) => (watermarks.get(partition) ?? 0) >= head)
  }
}
