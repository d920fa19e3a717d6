import { defineEvent, type EventDefinition } from 'tidings'
import { z } from 'zod'

import { type Order, type } from './order-event.ts'

const key = (data: unknown): string => (data as Order).orderId

/** Without a schema; the types are our word for it. */
export const orderPlaced = defineEvent(type, { key }) as EventDefinition<Order, Order>

/** The same with a schema, by zod. */
export const checkedOrderPlaced = defineEvent(type, {
  schema: z.object({
    orderId: z.string().min(1),
    customerId: z.string().min(1),
    currency: z.string().length(3),
    total: z.number().nonnegative(),
    items: z.array(z.object({ sku: z.string(), quantity: z.number().int().positive(), price: z.number() })),
  }),
  key,
}) as unknown as EventDefinition<Order, Order>
