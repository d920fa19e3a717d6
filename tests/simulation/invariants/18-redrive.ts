import type { Unit } from 'tidings/spi'

import type { Invariant } from '../facts.ts'
import type { World } from '../world.ts'

/**
 * 18: an event that is run again by an operator and fails again is a dead letter again, once for each time it was asked for: nothing loops. Every
 * request is answered in the end.
 */
export function redriveIsOnceOnly(world: World): Invariant {
  const state = new Map<string, string>()
  const deaths = new Map<string, number>()
  const asked = new Map<string, number>()
  /** By a breaker that opened: what it had counted says nothing about the event. */
  const revived = new Map<string, number>()
  return {
    committed({ unit, by }) {
      for (const change of unit.documents ?? []) {
        if (change.collection === 'requests' && 'put' in change) {
          const { action, offset } = JSON.parse(change.put) as { action: string; offset: number }
          const about = `${String(change.index?.['owner'])} ${offset}`
          if (action === 'redrive') asked.set(about, (asked.get(about) ?? 0) + 1)
        }
        if (change.collection === 'requests' && 'delete' in change && by !== 'operator')
          world.sometimes('a request was answered')
        if (change.collection !== 'parked') continue
        if (!('put' in change)) {
          state.delete(change.id)
          continue
        }
        const parked = JSON.parse(change.put) as { state: string; offset: number }
        const about = `${String(change.index?.['owner'])} ${parked.offset}`
        if (parked.state === 'retry' && state.get(change.id) === 'dead' && !answers(unit)) {
          revived.set(about, (revived.get(about) ?? 0) + 1)
          world.sometimes('a breaker gave attempts back')
        }
        if (parked.state === 'dead' && state.get(change.id) !== 'dead') {
          const died = (deaths.get(about) ?? 0) + 1
          deaths.set(about, died)
          if (died > 1) world.sometimes('an event failed again after it was run again')
          const reasons = (asked.get(about) ?? 0) + (revived.get(about) ?? 0)
          if (died > 1 + reasons) world.fail(18, `${about} died ${died} times, but was let run again ${reasons} times`)
        }
        state.set(change.id, parked.state)
      }
    },
    atEnd() {
      for (const [id, parked] of state) world.fail(18, `${id.replaceAll('\u001f', '·')} is still parked (${parked})`)
    },
  }
}

function answers(unit: Unit): boolean {
  return unit.documents?.some(({ collection }) => collection === 'requests') === true
}
