import type { Side } from './side.ts'

export const inFlight = 256
export const fewInFlight = 16
export const batchSize = 100

/** Feeds `count` events, numbered from `from`. Resolves with the last acknowledgement. */
export async function drive(
  load: 'one' | 'in-flight' | 'sixteen' | 'batches',
  side: Side,
  from: number,
  count: number,
): Promise<void> {
  const end = from + count
  if (load === 'batches') {
    for (let at = from; at < end; at += batchSize) await side.batch!(at, Math.min(batchSize, end - at))
  } else if (load === 'one') {
    // Who returns nothing is not made to wait for it.
    for (let at = from; at < end; at++) {
      const acknowledged = side.one!(at)
      if (acknowledged !== undefined) await acknowledged
    }
  } else {
    let next = from
    const caller = async (): Promise<void> => {
      while (next < end) await side.one!(next++)
    }
    const callers = load === 'sixteen' ? fewInFlight : inFlight
    await Promise.all(Array.from({ length: Math.min(callers, count) }, caller))
  }
}

/** One caller that awaits each event. The wait of each, in milliseconds. */
export async function driveTimed(side: Side, from: number, count: number): Promise<Float64Array> {
  const waits = new Float64Array(count)
  for (let at = 0; at < count; at++) {
    const began = performance.now()
    await side.one!(from + at)
    waits[at] = performance.now() - began
  }
  return waits
}
