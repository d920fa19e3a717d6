import { createEventBus, defineProjection, operationsOf, sql } from 'tidings'

import { OrderCancelled, OrderPlaced, orders } from './orders.ts'

const bus = await createEventBus({ url: 'sqlite:./orders.db', source: '/orders' })
bus.use(orders)
await bus.start()

// #region rebuild
const { projections } = operationsOf(bus)
const generation = await projections.rebuild('orders-by-customer', { rate: 10_000, by: 'ada' })
for await (const { generations } of projections.follow('orders-by-customer')) {
  const { state, share, eta } = generations.at(-1) ?? {}
  console.log(`${state}: ${Math.round((share ?? 0) * 100)} %${eta === undefined ? '' : `, ${eta} ms left`}`)
}
const { live, generations } = await projections.progress('orders-by-customer')
console.log(`readers see generation ${live} of ${generation}: ${generations.at(-1)?.parity?.says}`)
// #endregion rebuild

// #region rollback
await projections.rollback('orders-by-customer')
console.log(`readers see generation ${(await projections.progress('orders-by-customer')).live}`)
// #endregion rollback

await bus.close()

// #region version
export const ordersWithCancelled = defineProjection('orders-by-customer', {
  version: 2,
  tables: {
    orders: sql`(id text primary key, customer_id text not null, total real not null, cancelled integer not null)`,
  },
  on: (on) => [
    on(OrderPlaced, ({ data }, { write, tables }) =>
      write(sql`insert into ${tables.orders} values (${data.orderId}, ${data.customerId}, ${data.total}, 0)`),
    ),
    on(OrderCancelled, ({ data }, { write, tables }) =>
      write(sql`update ${tables.orders} set cancelled = 1 where id = ${data.orderId}`),
    ),
  ],
  check: async ({ query, live, next }) => {
    const [before] = await query(sql`select count(*) as n from ${live.tables.orders}`)
    const [after] = await query(sql`select count(*) as n from ${next.tables.orders} where cancelled = 0`)
    return before?.n === after?.n || `${String(before?.n)} orders before, ${String(after?.n)} now`
  },
})
// #endregion version

const next = await createEventBus({ url: 'sqlite:./orders.db', source: '/orders' })
next.use(ordersWithCancelled)
await next.start()
for await (const status of operationsOf(next).projections.follow('orders-by-customer')) {
  const built = status.generations.at(-1)
  if (built?.state === 'live') console.log(`version ${built.version}: ${built.parity?.says}`)
}
await next.close()
