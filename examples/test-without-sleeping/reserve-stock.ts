// #region handler
import { defineEvent, type Event, type HandlerContext } from 'tidings'
import { z } from 'zod'

export const OrderPlaced = defineEvent('order.placed', {
  schema: z.object({ orderId: z.string(), sku: z.string(), quantity: z.int() }),
  key: (order) => order.orderId,
})
export const StockReserved = defineEvent('stock.reserved', {
  schema: z.object({ sku: z.string(), orderId: z.string() }),
  key: (stock) => stock.sku,
})

/** What the handler needs of the world, as a function, so that a test can give it another. */
export type ReserveAtWarehouse = (sku: string, quantity: number) => Promise<void>

export function reserveStock(reserve: ReserveAtWarehouse) {
  return async (
    { data }: Event<{ orderId: string; sku: string; quantity: number }>,
    { publish }: HandlerContext,
  ): Promise<void> => {
    await reserve(data.sku, data.quantity)
    await publish(StockReserved, { sku: data.sku, orderId: data.orderId })
  }
}
// #endregion handler
