import type { Invariant } from '../facts.ts'
import type { World } from '../world.ts'

const state = 'two streams were at work while another was blocked'

/** 4, as a state to be reached: while one stream is blocked by a parked event, two others of the subscription are at work at once. */
export function streamsInParallel(world: World): Invariant {
  const blocked = new Set<string>()
  const working = new Map<string, Set<string>>()
  return {
    committed({ unit }) {
      for (const change of unit.documents ?? []) {
        if (change.collection !== 'parked') continue
        if ('put' in change) blocked.add(change.id)
        else blocked.delete(change.id)
      }
    },
    began({ subscription, event }) {
      const streams = working.get(subscription) ?? new Set()
      working.set(subscription, streams.add(event.stream))
      if (streams.size < 2 || world.reached.has(state)) return
      for (const id of blocked) {
        const [name, , stream] = id.split('/')
        if (name === subscription && !streams.has(stream as string)) world.sometimes(state)
      }
    },
    ended({ subscription, event }) {
      working.get(subscription)?.delete(event.stream)
    },
  }
}
