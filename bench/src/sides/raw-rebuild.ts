import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import type { Side, SideHost } from '../harness/side.ts'
import type { Order } from '../order-event.ts'
import { fullFile } from './full-log.ts'

const page = 1_000

/**
 * Reads the log of a store by hand and inserts a row for each event: pages of a thousand, each a transaction that also notes how far it is. Option
 * `columns`: `event` reads whole events, as whoever handles them is given; `needed` no more than this one table is made of.
 */
export async function open({ folder, sharedFolder, options }: SideHost): Promise<Side> {
  const path = join(folder, 'raw.db')
  copyFileSync(fullFile(sharedFolder), path)
  const db = new DatabaseSync(path)
  const { durability = 'full', columns = 'event' } = options
  db.exec(`pragma journal_mode = wal; pragma synchronous = ${String(durability)}; pragma cache_size = -16384`)
  return {
    seen: () => 0,
    async measure() {
      const began = performance.now()
      db.exec(
        'create table orders (event text primary key, id text not null, customer text not null, total real not null); create table place (position integer not null); insert into place values (0)',
      )
      const wanted = columns === 'needed' ? 'position, id, data' : '*'
      const read = db.prepare(`select ${wanted} from tidings_events where position > ? order by position limit ?`)
      const insert = db.prepare('insert into orders (event, id, customer, total) values (?, ?, ?, ?)')
      const note = db.prepare('update place set position = ?')
      for (let after = 0; ; ) {
        const rows = read.all(after, page) as unknown as readonly {
          readonly position: number
          readonly id: string
          readonly data: string
        }[]
        if (rows.length === 0) break
        db.exec('begin immediate')
        for (const { position, id, data } of rows) {
          const order = JSON.parse(data) as Order
          insert.run(id, order.orderId, order.customerId, order.total)
          after = position
        }
        note.run(after)
        db.exec('commit')
        // As any program that has something else to do would.
        await new Promise((resolve) => setImmediate(resolve))
      }
      return performance.now() - began
    },
    close: async () => db.close(),
  }
}
