import { defineEvent } from 'tidings'
import { z } from 'zod'

export const ProductCreated = defineEvent('product.created', {
  description: 'A product can be ordered from now on.',
  schema: z.object({
    sku: z.string(),
    name: z.string(),
    /** In cents. */
    price: z.int().nonnegative(),
  }),
  key: (product) => product.sku,
})
