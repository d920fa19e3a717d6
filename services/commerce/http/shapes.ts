import { z } from 'zod'

/** The number of a product, as people write it. */
export const sku = z
  .string('must be text')
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$/, 'must be 1 to 60 letters, digits, `_` or `-`')

export const quantity = z
  .int('must be a whole number')
  .min(1, 'must be at least 1')
  .max(1_000_000, 'must be at most 1,000,000')
