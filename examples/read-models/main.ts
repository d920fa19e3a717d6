// #region use
import { createEventBus, sql } from 'tidings'

import { OrderCancelled, OrderPlaced, orders } from './orders.ts'

const bus = await createEventBus({ url: 'sqlite:./orders.db', source: '/orders' })
bus.use(orders)
await bus.start()
// #endregion use

// #region read
await bus.publish(OrderPlaced, { orderId: 'o-1', customerId: 'ada', total: 40 })
await bus.publish(OrderPlaced, { orderId: 'o-2', customerId: 'bob', total: 15 })
await bus.publish(OrderPlaced, { orderId: 'o-3', customerId: 'ada', total: 2 })
const receipt = await bus.publish(OrderCancelled, { orderId: 'o-2' })

const { query, tables, caughtUpTo } = orders.of(bus)
await caughtUpTo(receipt.position)
const rows = await query(
  sql`select customer_id, sum(total) as total from ${tables.orders} group by customer_id order by 1`,
)
for (const { customer_id, total } of rows) console.log(`${String(customer_id)} has spent ${String(total)}`)

await bus.close()
// #endregion read
