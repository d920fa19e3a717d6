// #region program
import { createEventBus, defineEvent, type Log, sql } from 'tidings'
import { runService } from 'tidings/node'
import { z } from 'zod'

const OrderPlaced = defineEvent('order.placed', {
  schema: z.object({ orderId: z.string(), sku: z.string(), quantity: z.number() }),
  key: (order) => order.orderId,
})

const log: Log = (level, message, fields) => console.error(level, message, fields)
const bus = await createEventBus({ url: 'sqlite:./shop.db', log })
await bus.transaction(({ tx }) => tx.sql`create table if not exists reserved (sku text, quantity integer)`)

bus.subscribe(OrderPlaced, { name: 'stock' }, ({ data }, { write }) => {
  // Joins one commit with the mark "handled": both, or neither.
  write(sql`insert into reserved values (${data.sku}, ${data.quantity})`)
  console.log(`reserving ${data.quantity} × ${data.sku}`)
})

await runService(bus) // starts, and drains when the process is told to end
const order = { orderId: 'o-1', sku: 'tea', quantity: 2 }
const receipt = await bus.publish(OrderPlaced, order, { id: 'order-o-1' }) // an id of its own: said twice, it is one event
console.log(`order o-1 is kept: position ${receipt.position}, durability '${receipt.durability}'`)
// #endregion program
