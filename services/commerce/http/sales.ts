import { loopbackOnly } from '@tidings/http'
import { problemSchema, type ServiceApp, type ServiceWorld } from '@tidings/service'
import { sql } from 'tidings'
import { z } from 'zod'

const sales = z.object({
  sales: z.array(z.object({ sku: z.string(), orders: z.int(), units: z.int(), revenue: z.int() })),
})

/** `GET /commerce/sales`: what was sold, the dearest first. For those who operate, so on this machine only. */
export function salesRoute(app: ServiceApp, { store }: ServiceWorld): void {
  app.get(
    '/commerce/sales',
    {
      onRequest: loopbackOnly,
      schema: {
        tags: ['commerce'],
        summary: 'What was sold, by product',
        response: { 200: sales, 400: problemSchema, 403: problemSchema },
      },
    },
    async () => {
      const rows = await store.query(
        sql`select sku, orders, units, revenue from commerce_sales order by revenue desc, sku`,
      )
      return {
        sales: rows.map(({ sku, orders, units, revenue }) => ({
          sku: sku as string,
          orders: Number(orders),
          units: Number(units),
          revenue: Number(revenue),
        })),
      }
    },
  )
}
