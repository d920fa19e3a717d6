import { randomUUID } from 'node:crypto'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'

import { createEventBus, defineProjection, type Statement, sql } from 'tidings'
import { realRuntime, type StoreAdapter, silentLog, silentMeter } from 'tidings/spi'

import type { Side, SideHost } from '../harness/side.ts'
import { orderPlaced } from '../order-definition.ts'
import { fullFile, inFullSchema } from './full-log.ts'

/**
 * A projection that begins on a full log: on PostgreSQL where option `url` names one, else on its own copy of the file. The clock runs from the
 * start of the bus until everything is applied.
 */
export async function open({ folder, sharedFolder, options: { url } }: SideHost): Promise<Side> {
  const file = join(folder, 'tidings.db')
  if (url === undefined) copyFileSync(fullFile(sharedFolder), file)
  const adapter = (await import(url === undefined ? '@tidings/sqlite' : '@tidings/postgres')) as {
    fromUrl(url: string): StoreAdapter
  }
  const store = await adapter
    .fromUrl(url === undefined ? `sqlite:${file}` : inFullSchema(String(url)))
    .open({ runtime: realRuntime(), log: silentLog, meter: silentMeter })
  const bus = await createEventBus({ store, source: '/shop' })
  // A server keeps what earlier rounds made, so each has a name, and a table, of its own.
  const name = `orders_${randomUUID().slice(0, 8)}`
  const orders = defineProjection(name, {
    version: 1,
    tables: {
      [name]: sql`(event text primary key, id text not null, customer text not null, total real not null)`,
    },
    on: (on) => [
      on(orderPlaced, ({ id, data }, { write, tables }) =>
        write(
          sql`insert into ${tables[name] as Statement} (event, id, customer, total) values (${id}, ${data.orderId}, ${data.customerId}, ${data.total})`,
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
