import { TidingsError } from 'tidings/spi'

/** A limit as SQLite takes it: whole, from 0. Infinity means all there is. Throws TIDINGS_INVALID_OPTION. */
export function limitOf(limit: number): number {
  if (limit === Number.POSITIVE_INFINITY) return Number.MAX_SAFE_INTEGER
  if (Number.isSafeInteger(limit)) return Math.max(0, limit)
  throw new TidingsError('TIDINGS_INVALID_OPTION', 'Expected `limit` to be a whole number from 0, or Infinity.', {
    details: { field: 'limit' },
  })
}
