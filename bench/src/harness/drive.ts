import { orders, placeOf } from '../order-event.ts'
import type { Side } from './side.ts'

export const inFlight = 256
export const fewInFlight = 16
export const batchSize = 100
const steadyRate = 500

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

/**
 * So many events a second, whatever becomes of them. How long each took from its publish until it was handled, in milliseconds, without the first
 * fifth.
 */
export async function driveSteady(side: Side, from: number, count: number): Promise<Float64Array> {
  if (side.hears === undefined || side.one === undefined) throw new Error('This side does not tell what is handled.')
  const began = new Float64Array(orders)
  const waits = new Float64Array(count)
  let handled = 0
  let failed = false
  const all = Promise.withResolvers<void>()
  all.promise.catch(() => void (failed = true))
  side.hears((key) => {
    waits[handled] = performance.now() - (began[placeOf(key)] as number)
    if (++handled === count) all.resolve()
  })
  const start = performance.now()
  for (let at = 0; at < count && !failed; ) {
    const due = Math.min(count, Math.floor(((performance.now() - start) * steadyRate) / 1_000) + 1)
    for (; at < due; at++) {
      began[(from + at) % orders] = performance.now()
      Promise.resolve(side.one(from + at)).catch(all.reject)
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await all.promise
  return waits.subarray(Math.floor(count / 5))
}
