// #region define
import { defineEvent } from 'tidings'
import { z } from 'zod'

export const OrderPlaced = defineEvent('order.placed', {
  version: '1.0.0',
  schema: z.object({ orderId: z.string(), sku: z.string(), quantity: z.int().positive() }),
  key: (order) => order.orderId,
})
// #endregion define
