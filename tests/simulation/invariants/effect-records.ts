import type { Invariant } from '../facts.ts'
import type { World } from '../world.ts'

/** 6, for external calls: one key an event, and no call any more once one is recorded, as far as the caller could know. */
export function effectRecords(world: World): Invariant {
  const keys = new Map<string, string>()
  const recorded = new Map<string, number>()
  return {
    committed({ unit }) {
      for (const change of unit.documents ?? []) {
        if (change.collection === 'effects' && 'put' in change)
          recorded.set((JSON.parse(change.put) as { eventId: string }).eventId, recorded.get(change.id) ?? world.now)
      }
    },
    charged({ event, began }, key) {
      const known = keys.get(event.id)
      if (known !== undefined && known !== key)
        world.fail(6, `the call for the event at ${event.position} has another idempotency key this time`)
      keys.set(event.id, key)
      const since = recorded.get(event.id)
      if (since !== undefined && since < began)
        world.fail(6, `the outside world is called again for the event at ${event.position}, which is recorded already`)
    },
    began({ subscription, event }) {
      if (subscription === 'charger' && recorded.has(event.id)) world.sometimes('an effect was taken from its record')
    },
  }
}
