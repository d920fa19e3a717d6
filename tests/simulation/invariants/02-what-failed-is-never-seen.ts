import type { Invariant } from '../facts.ts'
import type { World } from '../world.ts'

/** 2: what a publisher was told is not published never is; what it does not know is stored once or not at all, however often it insists. */
export function whatFailedIsNeverSeen(world: World): Invariant {
  const stored = new Map<string, string>()
  const refused = new Set<string>()
  return {
    appended({ id, token, record, position }) {
      const key = `${record.source} ${id}`
      if (stored.has(key)) world.fail(2, `the event ${id} is stored twice, now at ${position}`)
      stored.set(key, token)
      if (refused.has(token))
        world.fail(2, `${token} is stored at ${position} although its publisher was told that it is not`)
    },
    published({ status, token, error }) {
      if (status !== 'refused') return
      refused.add(token)
      for (const event of world.events.values()) {
        if (event.token === token)
          world.fail(2, `the publisher of ${token} was told ${String(error)}, but it is stored at ${event.position}`)
      }
    },
  }
}
