import type { Invariant } from '../facts.ts'
import type { World } from '../world.ts'

/** Promises no order. */
const unordered = new Set(['mailer'])
/** Lets a dead letter be overtaken. */
const skipping = new Set(['skipper'])

/**
 * 3: in each subscription the events of one stream are first seen in the order of their versions, and their effects become true in that order;
 * where the order is `all`, over all streams.
 */
export function orderPerStream(world: World): Invariant {
  const seen = new Map<string, number>()
  const done = new Map<string, number>()
  const laneOf = (subscription: string, stream: string): string =>
    subscription === 'audit' ? subscription : `${subscription} ${stream}`
  const ascends = (last: Map<string, number>, lane: string, position: number, what: string): void => {
    const before = last.get(lane) ?? 0
    if (position < before) world.fail(3, `${lane.replaceAll('\u001f', '/')}: ${position} was ${what} after ${before}`)
    else last.set(lane, position)
  }
  return {
    began({ subscription, event, first }) {
      if (first && !unordered.has(subscription))
        ascends(seen, laneOf(subscription, event.stream), event.position, 'first seen')
    },
    effect({ subscription, event, count }) {
      if (count === 1 && !unordered.has(subscription) && !skipping.has(subscription))
        ascends(done, laneOf(subscription, event.stream), event.position, 'handled')
    },
  }
}
