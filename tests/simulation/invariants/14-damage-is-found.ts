import type { Invariant } from '../facts.ts'
import type { World } from '../world.ts'

/** 14: an event whose bytes were damaged reaches no handler by way of the disk; it is set aside as what it is. */
export function damageIsFound(world: World): Invariant {
  return {
    began({ subscription, event, instance }) {
      if (!event.damaged) return
      // A listener of the publisher's own process is given what was published, not what was stored.
      if (subscription === 'inline' && event.by === instance) return
      world.fail(14, `${subscription} was given the damaged event at ${event.position}`)
    },
    committed({ unit }) {
      for (const change of unit.documents ?? []) {
        if (change.collection !== 'parked' || !('put' in change)) continue
        const parked = JSON.parse(change.put) as { state: string; eventId: string; error?: { code?: string } }
        if (parked.state !== 'dead' || world.events.get(parked.eventId)?.damaged !== true) continue
        if (parked.error?.code !== 'TIDINGS_CHECKSUM_MISMATCH')
          world.fail(14, `a damaged event is parked with ${parked.error?.code}`)
        world.sometimes('damage was found')
      }
    },
  }
}
