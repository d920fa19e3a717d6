import { setTimeout } from 'node:timers/promises'

import { createEventBus, defineEvent, operationsOf, sql } from 'tidings'
import { z } from 'zod'

const OrderPlaced = defineEvent('order.placed', {
  schema: z.object({ orderId: z.string(), sku: z.string(), quantity: z.int(), total: z.number() }),
  key: (order) => order.orderId,
})
const StockReserved = defineEvent('stock.reserved', {
  schema: z.object({ sku: z.string(), orderId: z.string() }),
  key: (stock) => stock.sku,
})
const StockRefused = defineEvent('stock.refused', {
  schema: z.object({ sku: z.string(), orderId: z.string(), left: z.int() }),
  key: (stock) => stock.sku,
})
const payments = {
  charge: (total: number, { idempotencyKey }: { idempotencyKey: string }) => {
    console.log(`charging ${total} under a key of ${idempotencyKey.length} characters`)
    return { chargeId: idempotencyKey }
  },
}

const bus = await createEventBus({ url: 'sqlite:./shop.db', source: '/shop' })

// #region tables
await bus.transaction(async ({ tx }) => {
  await tx.sql`create table if not exists orders (id text primary key, total numeric)`
  await tx.sql`create table if not exists sales (order_id text primary key, total numeric)`
  await tx.sql`create table if not exists charges (id text primary key, order_id text)`
  await tx.sql`create table if not exists stock (sku text primary key, on_hand integer)`
  await tx.sql`insert into stock values ('tea', 3) on conflict do nothing`
})
// #endregion tables

// #region write
bus.subscribe(OrderPlaced, { name: 'sales' }, ({ data }, { write }) => {
  write(sql`insert into sales values (${data.orderId}, ${data.total})`)
})
// #endregion write

// #region read-and-write
bus.subscribe(OrderPlaced, { name: 'reservations' }, async ({ data }, { tx, publish }) => {
  const [row] = await tx.sql`select on_hand from stock where sku = ${data.sku}`
  const left = Number(row?.on_hand ?? 0)
  if (left < data.quantity) {
    await publish(StockRefused, { sku: data.sku, orderId: data.orderId, left })
    return
  }
  await tx.sql`update stock set on_hand = on_hand - ${data.quantity} where sku = ${data.sku}`
  await publish(StockReserved, { sku: data.sku, orderId: data.orderId })
})
// #endregion read-and-write

// #region effect
bus.subscribe(OrderPlaced, { name: 'charges' }, async ({ data }, { effect, write }) => {
  const { chargeId } = await effect('charge', (key) => payments.charge(data.total, { idempotencyKey: key }))
  write(sql`insert into charges values (${chargeId}, ${data.orderId})`)
})
// #endregion effect

bus.subscribe('stock.*', { name: 'board' }, ({ type, data, context }) => {
  console.log(
    `${type} for ${(data as { orderId: string }).orderId}, caused by an event: ${context.causationId !== undefined}`,
  )
})
await bus.start()

// #region transaction
await bus.transaction(async ({ tx, publish }) => {
  await tx.sql`insert into orders values ('o-1', 9.8)`
  await publish(OrderPlaced, { orderId: 'o-1', sku: 'tea', quantity: 2, total: 9.8 })
})
// #endregion transaction
await bus.publish(OrderPlaced, { orderId: 'o-2', sku: 'tea', quantity: 2, total: 9.8 })

const quiet = async (): Promise<boolean> =>
  (await operationsOf(bus).subscriptions()).every(({ waiting }) => waiting.events === 0)
while (!(await quiet())) await setTimeout(20)
const count = async (table: string): Promise<number> =>
  bus.transaction(async ({ tx }) => (await tx.sql`select count(*) as n from ${sql.identifier(table)}`)[0]?.n as number)
console.log(`sales ${await count('sales')}, charges ${await count('charges')}`)
await bus.close()
