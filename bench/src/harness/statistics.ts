export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Between two values where none stands at the place itself. NaN of nothing. */
export function quantile(values: Iterable<number>, share: number): number {
  const sorted = Float64Array.from(values).toSorted()
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)] ?? Number.NaN
  const above = sorted[Math.ceil(place)] ?? Number.NaN
  return below + (above - below) * (place - Math.floor(place))
}

/** A median with its extremes. */
export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) }
}

/**
 * How many times `b` is in `a`, round by round. Rounds of both alternate, so a slow moment of the machine falls on both and leaves the
 * ratio alone.
 */
export function ratioOf(a: readonly number[], b: readonly number[]): Spread {
  const rounds = Math.min(a.length, b.length)
  return spreadOf(Array.from({ length: rounds }, (_, round) => (a[round] as number) / (b[round] as number)))
}
