import { type EventBus, load, sql } from 'tidings'

import { OrderConfirmed } from '../contract/order.ts'
import { type OrderLine, order } from '../domain/order.ts'

/** Figures of what was sold, by product. */
export function countSales(bus: EventBus): void {
  bus.subscribe(
    OrderConfirmed,
    { name: 'commerce.analytics', from: 'beginning', priority: 'low', concurrency: 5 },
    async ({ data: { orderId } }, { write }) => {
      const { state } = await load(bus, order, orderId)
      for (const [sku, { units, revenue }] of soldIn(state.lines))
        write(sql`
          insert into commerce_sales (sku, orders, units, revenue) values (${sku}, ${1}, ${units}, ${revenue})
          on conflict (sku) do update set
            orders = commerce_sales.orders + 1,
            units = commerce_sales.units + excluded.units,
            revenue = commerce_sales.revenue + excluded.revenue`)
    },
  )
}

/** Lines of the same product are one sale of it. */
function soldIn(
  lines: readonly OrderLine[],
): ReadonlyMap<string, { readonly units: number; readonly revenue: number }> {
  const sold = new Map<string, { units: number; revenue: number }>()
  for (const { sku, quantity, price } of lines) {
    const { units, revenue } = sold.get(sku) ?? { units: 0, revenue: 0 }
    sold.set(sku, { units: units + quantity, revenue: revenue + quantity * price })
  }
  return sold
}
