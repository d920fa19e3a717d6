import { defineEvent } from 'tidings'
import { z } from 'zod'

const key = ({ orderId }: { readonly orderId: string }) => orderId
const one = z.object({ orderId: z.uuid() })

export const OrderPlaced = defineEvent('order.placed', {
  description: 'Somebody has ordered.',
  schema: z.object({
    orderId: z.uuid(),
    customerId: z.uuid(),
    /** Prices are those of the moment, in cents. */
    lines: z.array(z.object({ sku: z.string(), quantity: z.int().positive(), price: z.int().nonnegative() })).min(1),
    total: z.int().nonnegative(),
  }),
  key,
  priority: 'high',
})

export const OrderConfirmed = defineEvent('order.confirmed', {
  description: 'Everything that was ordered is kept for the customer.',
  schema: one,
  key,
  priority: 'high',
})

export const OrderRejected = defineEvent('order.rejected', {
  description: 'The order cannot be fulfilled.',
  schema: z.object({ orderId: z.uuid(), reason: z.literal('out-of-stock'), missing: z.array(z.string()) }),
  key,
  priority: 'high',
})

export const OrderCancelled = defineEvent('order.cancelled', {
  description: 'The customer does not want it any more.',
  schema: one,
  key,
})

export const OrderShipped = defineEvent('order.shipped', {
  description: 'It is on its way.',
  schema: one,
  key,
})
