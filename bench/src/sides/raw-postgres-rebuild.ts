import { randomUUID } from 'node:crypto'

import pg from 'pg'

import type { Side, SideHost } from '../harness/side.ts'
import type { Order } from '../order-event.ts'
import { fullSchema } from './full-log.ts'

const page = 1_000

interface EventRow {
  readonly position: string
  readonly id: string
  readonly data: string
}

/**
 * Reads the log of a store by hand and inserts a row for each event: pages of a thousand, each a transaction that also notes how far it is, all on one
 * connection. Options `url`; `columns`: `event` reads whole events, as whoever handles them is given, `needed` no more than this one table is made of;
 * `inserts`: `each` sends an insert a row, prepared once and one behind another without waiting, `arrays` one for the page.
 */
export async function open({ options }: SideHost): Promise<Side> {
  const { url, columns = 'event', inserts = 'each' } = options
  const schema = `raw_${randomUUID().replaceAll('-', '').slice(0, 12)}`
  const client = new pg.Client({ connectionString: String(url), pipeline: true })
  await client.connect()
  const insertEach = (rows: readonly EventRow[]): Promise<unknown>[] =>
    rows.map(({ id, data }) => {
      const order = JSON.parse(data) as Order
      return client.query({
        name: 'insert',
        text: `insert into ${schema}.orders (event, id, customer, total) values ($1, $2, $3, $4)`,
        values: [id, order.orderId, order.customerId, order.total],
      })
    })
  const insertArrays = (rows: readonly EventRow[]): Promise<unknown>[] => {
    const orders = rows.map(({ data }) => JSON.parse(data) as Order)
    return [
      client.query({
        name: 'insert',
        text: `insert into ${schema}.orders (event, id, customer, total) select * from unnest($1::text[], $2::text[], $3::text[], $4::real[])`,
        values: [
          rows.map(({ id }) => id),
          orders.map(({ orderId }) => orderId),
          orders.map(({ customerId }) => customerId),
          orders.map(({ total }) => total),
        ],
      }),
    ]
  }
  const insert = inserts === 'each' ? insertEach : insertArrays
  return {
    seen: () => 0,
    async measure() {
      const began = performance.now()
      await client.query(`
        create schema ${schema};
        create table ${schema}.orders (event text primary key, id text not null, customer text not null, total real not null);
        create table ${schema}.place (position bigint not null);
        insert into ${schema}.place values (0)`)
      for (let after = '0'; ; ) {
        const { rows } = await client.query<EventRow>({
          name: 'read',
          text: `select ${columns === 'needed' ? 'position, id, data' : '*'} from ${fullSchema}.events where position > $1 order by position limit ${page}`,
          values: [after],
        })
        const last = rows.at(-1)
        if (last === undefined) break
        after = last.position
        await Promise.all([
          client.query('begin'),
          ...insert(rows),
          client.query({ name: 'note', text: `update ${schema}.place set position = $1`, values: [after] }),
          client.query('commit'),
        ])
      }
      return performance.now() - began
    },
    close: async () => {
      await client.query(`drop schema ${schema} cascade`)
      await client.end()
    },
  }
}
