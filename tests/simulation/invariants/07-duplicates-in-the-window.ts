import type { Appended, Invariant } from '../facts.ts'
import { dedupWindow } from '../instance.ts'
import type { World } from '../world.ts'

interface Mark {
  readonly id: string
  readonly until: number
}

/**
 * 7: one content is stored once inside its window, also where two publish it at once. A mark is replaced only when its window, by the clock of whoever
 * replaces it, is over; who is told of a duplicate is told of a stored one.
 */
export function duplicatesInTheWindow(world: World): Invariant {
  const marks = new Map<string, Mark>()
  const byKey = new Map<string, Appended[]>()
  return {
    committed({ unit, by }) {
      for (const change of unit.documents ?? []) {
        if (change.collection !== 'dedup' || !('put' in change)) continue
        const mark = JSON.parse(change.put) as Mark
        const before = marks.get(change.id)
        if (before !== undefined && before.id !== mark.id) {
          // Its own `until` tells what its clock said when it looked.
          if (before.until > mark.until - dedupWindow + 1)
            world.fail(
              7,
              `${by} has stored a second event ${before.until - mark.until + dedupWindow} ms before the window of the first is over`,
            )
          world.sometimes('a window was over and the content was stored again')
        }
        marks.set(change.id, mark)
      }
    },
    published({ status, duplicateOf, token, options }) {
      if (status !== 'duplicate') return
      if (duplicateOf === undefined || !world.events.has(duplicateOf))
        world.fail(7, `${token} is told to repeat an event that is not stored`)
      const first = world.published.find(({ id }) => id === duplicateOf)
      if (first !== undefined && first.options.dedupKey !== options.dedupKey)
        world.fail(7, `${token} is told to repeat another content`)
    },
    atEnd() {
      byKey.clear()
    },
  }
}
