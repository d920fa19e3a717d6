import { defineEvent, defineProjection, documents, type SqlStore, type Store, sql } from 'tidings'

export interface Placed {
  readonly orderId: string
  readonly customerId: string
  readonly total: number
}

const key = ({ orderId }: { readonly orderId: string }): string => orderId

export const OrderPlaced = defineEvent<Placed>('order.placed', { key })
export const LineAdded = defineEvent<{ readonly orderId: string; readonly sku: string; readonly quantity: number }>(
  'order.line-added',
  { key },
)
export const OrderPaid = defineEvent<{ readonly orderId: string }>('order.paid', { key })
export const OrderCancelled = defineEvent<{ readonly orderId: string }>('order.cancelled', { key })

/** Orders with their lines, in two tables. Version 2 has a column more. */
export function orderTables(version = 1, options: Partial<Parameters<typeof defineProjection>[1]> = {}) {
  return defineProjection('orders', {
    ...(options as object),
    version,
    tables: {
      orders:
        version === 1
          ? sql`(id text primary key, customer text not null, total real not null, state text not null)`
          : sql`(id text primary key, customer text not null, total real not null, state text not null, version integer not null)`,
      order_lines: sql`(order_id text not null, sku text not null, quantity integer not null, primary key (order_id, sku))`,
    },
    indexes: { orders: [sql`(customer)`] },
    on: (on) => [
      on(OrderPlaced, ({ data }, { write, tables }) =>
        write(
          version === 1
            ? sql`insert into ${tables.orders} (id, customer, total, state) values (${data.orderId}, ${data.customerId}, ${data.total}, 'open')
                on conflict (id) do nothing`
            : sql`insert into ${tables.orders} (id, customer, total, state, version) values (${data.orderId}, ${data.customerId}, ${data.total}, 'open', ${version})
                on conflict (id) do nothing`,
        ),
      ),
      on(LineAdded, ({ data }, { write, tables }) =>
        write(sql`insert into ${tables.order_lines} (order_id, sku, quantity) values (${data.orderId}, ${data.sku}, ${data.quantity})
          on conflict (order_id, sku) do update set quantity = ${tables.order_lines}.quantity + excluded.quantity`),
      ),
      on([OrderPaid, OrderCancelled], ({ type, data }, { write, tables }) =>
        write(
          sql`update ${tables.orders} set state = ${type === 'order.paid' ? 'paid' : 'cancelled'} where id = ${data.orderId}`,
        ),
      ),
    ],
    forget: ({ key }, { write, tables }) => {
      write(sql`delete from ${tables.orders} where id = ${key}`)
      write(sql`delete from ${tables.order_lines} where order_id = ${key}`)
    },
  })
}

/** The same as documents, and what each customer has spent: a document that events of many streams change. */
export function orderDocuments(version = 1, options: { readonly keep?: '30s'; readonly mode?: 'same-commit' } = {}) {
  return defineProjection('orders', {
    ...options,
    version,
    documents: {
      orders: documents<Placed & { readonly state: string; readonly lines: Readonly<Record<string, number>> }>({
        index: ({ customerId }) => ({ customer: customerId }),
      }),
      customers: documents<{ readonly spent: number }>(),
    },
    on: (on) => [
      on(OrderPlaced, async ({ data }, { documents: { orders, customers } }) => {
        if ((await orders.get(data.orderId)) !== undefined) return
        orders.put(data.orderId, { ...data, state: 'open', lines: {} })
        const before = await customers.get(data.customerId)
        customers.put(data.customerId, { spent: (before?.spent ?? 0) + data.total })
      }),
      on(LineAdded, async ({ data }, { documents: { orders } }) => {
        const order = await orders.get(data.orderId)
        if (order === undefined) return
        const lines = { ...order.lines, [data.sku]: (order.lines[data.sku] ?? 0) + data.quantity }
        orders.put(data.orderId, { ...order, lines })
      }),
      on([OrderPaid, OrderCancelled], async ({ type, data }, { documents: { orders } }) => {
        const order = await orders.get(data.orderId)
        if (order !== undefined) orders.put(data.orderId, { ...order, state: type })
      }),
    ],
    forget: ({ key: id }, { documents: { orders } }) => orders.delete(id),
  })
}

/** Everything a generation of tables holds, as text: equal for equal rows. */
export async function dumpTables(store: SqlStore, generation: number | undefined): Promise<string> {
  const name = (table: string) => sql.identifier(generation === undefined ? table : `${table}__g${generation}`)
  const orders = await store.query(sql`select * from ${name('orders')} order by id`)
  const lines = await store.query(sql`select * from ${name('order_lines')} order by order_id, sku`)
  return JSON.stringify({ orders, lines })
}

export async function dumpDocuments(store: Store, generation: number): Promise<string> {
  const of = async (collection: string) =>
    (await store.find(`projection:orders:${collection}:${generation}`, { limit: 100_000 })).map(({ id, body }) => [
      id,
      body,
    ])
  return JSON.stringify([await of('orders'), await of('customers')])
}

export type OrderTables = ReturnType<typeof orderTables>
