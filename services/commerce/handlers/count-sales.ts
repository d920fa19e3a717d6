import { type EventBus, load, sql } from 'tidings'

import { OrderConfirmed } from '../contract/order.ts'
import { order } from '../domain/order.ts'

/** Figures of what was sold, by product. */
export function countSales(bus: EventBus): void {
  bus.subscribe(
    OrderConfirmed,
    { name: 'commerce.analytics', from: 'beginning', priority: 'low', concurrency: 5 },
    async ({ data: { orderId } }, { write }) => {
      const { state } = await load(bus, order, orderId)
      for (const { sku, quantity, price } of state.lines)
        write(sql`
          insert into commerce_sales (sku, orders, units, revenue) values (${sku}, ${1}, ${quantity}, ${quantity * price})
          on conflict (sku) do update set
            orders = commerce_sales.orders + 1,
            units = commerce_sales.units + excluded.units,
            revenue = commerce_sales.revenue + excluded.revenue`)
    },
  )
}
