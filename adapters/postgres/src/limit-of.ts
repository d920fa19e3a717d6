import { TidingsError } from 'tidings/spi'

/** A limit as SQL takes it: whole, from 0. Infinity means all there is. Throws TIDINGS_INVALID_OPTION. */
export function limitOf(limit: number): number {
  return Math.max(0, wholeOf('limit', limit))
}

/** A whole number that a bigint holds; infinities become the furthest ones. Throws TIDINGS_INVALID_OPTION naming the field. */
export function wholeOf(field: string, value: number): number {
  if (Number.isSafeInteger(value)) return value
  if (
    typeof value === 'number' &&
    !Number.isNaN(value) &&
    (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER)
  )
    return value > 0 ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER
  throw new TidingsError('TIDINGS_INVALID_OPTION', `Expected \`${field}\` to be a whole number.`, {
    details: { field },
  })
}
