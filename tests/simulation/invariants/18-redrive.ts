import type { DocumentChange } from 'tidings/spi'

import type { Invariant } from '../facts.ts'
import type { World } from '../world.ts'

/**
 * 18: an event that is run again and fails again is a dead letter again, once for each time it was asked for, by an operator or by a breaker that gave
 * its attempts back: nothing loops. A dead letter runs again for no other reason, and every request is answered in the end.
 */
export function redriveIsOnceOnly(world: World): Invariant {
  const state = new Map<string, string>()
  const deaths = new Map<string, number>()
  const asked = new Map<string, number>()

  const request = (change: DocumentChange, by: string): void => {
    if (!('put' in change)) {
      if (by !== 'operator') world.sometimes('a request was answered')
      return
    }
    const { action, offset } = JSON.parse(change.put) as { action: string; offset: number }
    if (by !== 'operator') world.sometimes('a breaker gave attempts back')
    if (action === 'redrive') add(asked, `${String(change.index?.['owner'])} ${offset}`)
  }

  const park = (change: DocumentChange, answers: boolean): void => {
    if (!('put' in change)) {
      state.delete(change.id)
      return
    }
    const before = state.get(change.id)
    const parked = JSON.parse(change.put) as { state: string; offset: number }
    const about = `${String(change.index?.['owner'])} ${parked.offset}`
    state.set(change.id, parked.state)
    if (before === 'dead' && parked.state === 'retry' && !answers) world.fail(18, `${about} runs again unasked`)
    if (before === 'dead' || parked.state !== 'dead') return
    const died = add(deaths, about)
    const reasons = asked.get(about) ?? 0
    if (died > 1) world.sometimes('an event failed again after it was run again')
    if (died > 1 + reasons) world.fail(18, `${about} died ${died} times, but was let run again ${reasons} times`)
  }

  return {
    committed({ unit, by }) {
      const documents = unit.documents ?? []
      const answers = documents.some((change) => change.collection === 'requests' && 'delete' in change)
      for (const change of documents) {
        if (change.collection === 'requests') request(change, by)
        if (change.collection === 'parked') park(change, answers)
      }
    },
    atEnd() {
      for (const [id, parked] of state) world.fail(18, `${id.replaceAll('\u001f', '·')} is still parked (${parked})`)
    },
  }
}

function add(counts: Map<string, number>, about: string): number {
  const count = (counts.get(about) ?? 0) + 1
  counts.set(about, count)
  return count
}
