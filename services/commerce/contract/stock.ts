import { defineEvent } from 'tidings'
import { z } from 'zod'

const key = ({ sku }: { readonly sku: string }) => sku
const quantity = z.int().positive()
const ofOrder = z.object({ sku: z.string(), orderId: z.uuid(), quantity })

export const StockOpened = defineEvent('stock.opened', {
  description: 'Stock of a product is kept from now on, and somebody wants to know when it runs low.',
  schema: z.object({ sku: z.string(), lowAt: z.int().nonnegative() }),
  key,
})

export const StockReceived = defineEvent('stock.received', {
  description: 'Goods have come in.',
  schema: z.object({ sku: z.string(), quantity }),
  key,
})

export const StockAdjusted = defineEvent('stock.adjusted', {
  description: 'Somebody has counted, and found another number of goods on hand.',
  schema: z.object({ sku: z.string(), from: z.int().nonnegative(), to: z.int().nonnegative(), reason: z.string() }),
  key,
})

export const StockReserved = defineEvent('stock.reserved', {
  description: 'Goods are kept for an order.',
  schema: ofOrder,
  key,
  priority: 'high',
})

export const StockReleased = defineEvent('stock.released', {
  description: 'Goods that were kept for an order may be sold to others.',
  schema: ofOrder,
  key,
  priority: 'high',
})

export const StockShipped = defineEvent('stock.shipped', {
  description: 'Goods have left for whoever has ordered them.',
  schema: ofOrder,
  key,
})

export const StockRanLow = defineEvent('stock.ran-low', {
  description: 'No more is available than somebody wants to be told of. Told once, until there is more again.',
  schema: z.object({ sku: z.string(), available: z.int(), lowAt: z.int() }),
  key,
  priority: 'high',
})
