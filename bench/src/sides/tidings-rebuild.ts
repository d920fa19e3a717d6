import { copyFileSync } from 'node:fs'
import { join } from 'node:path'

import { type SqliteDurability, sqlite } from '@tidings/sqlite'
import { createEventBus, defineProjection, sql } from 'tidings'
import { realRuntime, silentLog, silentMeter } from 'tidings/spi'

import type { Side, SideHost } from '../harness/side.ts'
import { orderPlaced } from '../order-definition.ts'

/** A projection that begins on a full log. The clock runs from the start of the bus until everything is applied. */
export async function open({ folder, sharedFolder, options }: SideHost): Promise<Side> {
  const path = join(folder, 'tidings.db')
  copyFileSync(join(sharedFolder, 'full.db'), path)
  const { durability = 'full' } = options
  const store = await sqlite(path, { durability: durability as SqliteDurability }).open({
    runtime: realRuntime(),
    log: silentLog,
    meter: silentMeter,
  })
  const bus = await createEventBus({ store, source: '/shop' })
  const orders = defineProjection('orders', {
    version: 1,
    tables: { orders: sql`(event text primary key, id text not null, customer text not null, total real not null)` },
    on: (on) => [
      on(orderPlaced, ({ id, data }, { write, tables }) =>
        write(
          sql`insert into ${tables.orders} (event, id, customer, total) values (${id}, ${data.orderId}, ${data.customerId}, ${data.total})`,
        ),
      ),
    ],
  })
  bus.use(orders)
  return {
    seen: () => 0,
    async measure() {
      const { through } = await store.readAll({ after: 0, limit: 1, types: [] })
      const began = performance.now()
      await bus.start()
      await orders.of(bus).caughtUpTo(through, { timeout: '10m' })
      return performance.now() - began
    },
    close: async () => {
      await bus.close()
      await store.close()
    },
  }
}
