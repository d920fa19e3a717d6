// #region shop
import { setTimeout } from 'node:timers/promises'

import { createEventBus, type Log, sql } from 'tidings'
import { runService } from 'tidings/node'

import { OrderPlaced } from './order-placed.ts'

const log: Log = (level, message, fields) => console.error(level, message, fields)
const bus = await createEventBus({ url: 'sqlite:./shop.db', source: '/shop', log })
await bus.transaction(({ tx }) => tx.sql`create table if not exists packed (order_id text, sku text, quantity integer)`)

// #region handler
bus.subscribe(OrderPlaced, { name: 'packing' }, async ({ data }, { write, signal }) => {
  console.log(`packing ${data.orderId}`)
  await setTimeout(2_000, undefined, { signal }) // the work
  write(sql`insert into packed values (${data.orderId}, ${data.sku}, ${data.quantity})`)
  console.log(`packed ${data.orderId}`)
})
// #endregion handler

await runService(bus)
console.log(`the shop is open, process ${process.pid}`)
// #endregion shop
