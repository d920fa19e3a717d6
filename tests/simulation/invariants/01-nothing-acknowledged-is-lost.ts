import type { Invariant } from '../facts.ts'
import type { World } from '../world.ts'

/** 1: every event whose publisher was told so is stored, and handled or taken out by an operator in every subscription; so is every other stored event. */
export function nothingAcknowledgedIsLost(world: World): Invariant {
  return {
    atEnd() {
      for (const { status, id, token } of world.published) {
        if (status === 'acknowledged' && (id === undefined || !world.events.has(id)))
          world.fail(1, `${token} was acknowledged and is not stored`)
      }
      for (const event of world.events.values()) {
        for (const name of world.heardBy(event.record.type)) {
          const key = `${name}|${event.id}`
          if (!world.disk.counters.has(key) && !world.dropped.has(key))
            world.fail(1, `${name} has lost the event at ${event.position}`)
        }
      }
    },
  }
}
