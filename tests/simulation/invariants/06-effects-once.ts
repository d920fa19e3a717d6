import type { Invariant } from '../facts.ts'
import type { World } from '../world.ts'

/** 6: what handlers write, and what they publish, becomes true once for every event, whatever dies or fails. */
export function effectsOnce(world: World): Invariant {
  const followed = new Map<string, number>()
  return {
    effect({ subscription, event, count, by }) {
      if (count > 1)
        world.fail(
          6,
          `${subscription} has counted the event at ${event.position} ${count} times, the last time by ${by}`,
        )
    },
    appended({ record, position, token }) {
      if (record.type !== 'note.taken') return
      const before = followed.get(token)
      if (before !== undefined) world.fail(6, `the follow-up ${token} is published at ${before} and at ${position}`)
      followed.set(token, position)
    },
    atEnd() {
      for (const event of world.events.values()) {
        if (event.record.type === 'note.taken' || !world.disk.counters.has(`follower|${event.id}`)) continue
        if (!followed.has(`note of ${event.token}`))
          world.fail(6, `the event at ${event.position} is counted by its follower, but nothing follows`)
      }
    },
  }
}
