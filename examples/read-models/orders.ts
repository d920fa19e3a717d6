// #region events
import { defineEvent, defineProjection, sql } from 'tidings'
import { z } from 'zod'

export const OrderPlaced = defineEvent('order.placed', {
  schema: z.object({ orderId: z.string(), customerId: z.string(), total: z.number() }),
  key: (order) => order.orderId,
})
export const OrderCancelled = defineEvent('order.cancelled', {
  schema: z.object({ orderId: z.string() }),
  key: (order) => order.orderId,
})
// #endregion events

// #region projection
export const orders = defineProjection('orders-by-customer', {
  version: 1,
  tables: { orders: sql`(id text primary key, customer_id text not null, total real not null)` },
  indexes: { orders: [sql`(customer_id)`] },
  on: (on) => [
    on(OrderPlaced, ({ data }, { write, tables }) =>
      write(sql`insert into ${tables.orders} values (${data.orderId}, ${data.customerId}, ${data.total})`),
    ),
    on(OrderCancelled, ({ data }, { write, tables }) =>
      write(sql`delete from ${tables.orders} where id = ${data.orderId}`),
    ),
  ],
})
// #endregion projection
