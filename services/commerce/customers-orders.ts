import { type EventBus, load, type SqlStore, sql } from 'tidings'

import { order } from './domain/order.ts'

/** Most orders that one export holds; the newest. */
const most = 5_000
/** How many are read side by side. */
const atOnce = 50

/** What an export says of an order. Prices in cents, those of the moment it was placed. */
export type OrderOfCustomer = Readonly<Record<string, unknown>>

/** The orders of a customer, the newest first, each as it is now. None once the customer is erased. */
export async function ordersOf(
  bus: EventBus,
  store: SqlStore,
  customerId: string,
): Promise<readonly OrderOfCustomer[]> {
  const rows = await store.query(sql`
    select order_id, placed_at from commerce_customer_orders
    where customer_id = ${customerId} order by placed_at desc, order_id limit ${most}`)
  const orders: OrderOfCustomer[] = []
  for (let at = 0; at < rows.length; at += atOnce) {
    const some = rows.slice(at, at + atOnce).map(async ({ order_id: id, placed_at: placed }) => {
      const orderId = id as string
      const { status, lines, total, missing } = (await load(bus, order, orderId)).state
      return { orderId, placedAt: new Date(Number(placed)).toISOString(), status, lines, total, missing }
    })
    orders.push(...(await Promise.all(some)))
  }
  return orders
}

/** Whether somebody has asked to be forgotten. */
export async function isErased(store: SqlStore, customerId: string): Promise<boolean> {
  const rows = await store.query(sql`select user_id from commerce_erased where user_id = ${customerId}`)
  return rows.length > 0
}
