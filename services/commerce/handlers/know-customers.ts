import {
  DataPartsRequested,
  dataParts,
  ErasureRequested,
  UserDataCollected,
  UserErased,
} from '@tidings-services/auth/contract'
import { type EventBus, isEvent, type SqlStore, sql } from 'tidings'

import { OrderPlaced } from '../contract/order.ts'
import { ordersOf } from '../customers-orders.ts'

/**
 * Knows which orders are whose, sends them to whoever asks for all that is held of them, and forgets whose they were. One after another in the order of the
 * log: an order that was placed before a request is in the answer, and none that is heard after an erasure is listed again.
 */
export function knowCustomers(bus: EventBus, store: SqlStore, now: () => number): void {
  bus.subscribe(
    [OrderPlaced, DataPartsRequested, ErasureRequested],
    { name: 'commerce.customers', from: 'beginning', order: 'all', retry: { tries: 10 } },
    async (event, { write, tx, publish }) => {
      if (isEvent(event, OrderPlaced)) {
        const { orderId, customerId } = event.data
        write(sql`
          insert into commerce_customer_orders (order_id, customer_id, placed_at)
          select ${orderId}, ${customerId}, ${event.timestamp}
          where not exists (select 1 from commerce_erased where user_id = ${customerId})
          on conflict do nothing`)
      } else if (isEvent(event, DataPartsRequested)) {
        const { exportId, userId, services } = event.data
        if (!services.includes('commerce')) return
        const parts = dataParts({ orders: await ordersOf(bus, store, userId) })
        for (const [part, data] of parts.entries())
          await publish(UserDataCollected, { exportId, userId, service: 'commerce', part, parts: parts.length, data })
      } else if (isEvent(event, ErasureRequested)) {
        const { deletionId, userId, services } = event.data
        if (!services.includes('commerce')) return
        await tx.sql`insert into commerce_erased (user_id, erased_at) values (${userId}, ${now()}) on conflict do nothing`
        const listed =
          await tx.sql`delete from commerce_customer_orders where customer_id = ${userId} returning order_id`
        const rows = { commerce_customer_orders: listed.length }
        await publish(UserErased, { deletionId, userId, service: 'commerce', rows })
      }
    },
  )
}
