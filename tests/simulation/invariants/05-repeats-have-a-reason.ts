import type { Invariant, Run } from '../facts.ts'
import { slowAbandon, slowTimeout } from '../subscriptions.ts'
import type { World } from '../world.ts'

/**
 * 5: an event whose handler has returned is given to a handler again only where its partition has changed hands meanwhile, or the store has refused what
 * it wrote; two attempts run side by side only where the earlier was withdrawn. In a world without faults nothing is repeated at all.
 */
export function repeatsHaveAReason(world: World): Invariant {
  const refused = new Set<string>()
  /** Whether the partition has had one owner, and none but the one who runs it, from the one to the other. */
  const sameOwner = (before: Run, run: Run): boolean => {
    const fence = world.fences.get(`${run.subscription}/0/${run.event.partition}`)
    return before.instance === run.instance && fence?.by === run.instance && fence.version === before.token
  }
  return {
    conflicted({ unit }) {
      for (const { values } of unit.statements ?? []) refused.add(String(values[0]))
    },
    began(run) {
      // The publisher's process and the queue may both run a listener; only one of them can commit.
      if (run.subscription === 'inline' && !world.profile.calm) return
      const before = world.runs.get(`${run.subscription}|${run.event.id}`)?.at(-1)
      if (before === undefined || before.outcome === 'threw') return
      const what = `${run.subscription} is given the event at ${run.event.position} again`
      if (world.profile.calm && before.outcome === 'returned' && run.subscription !== 'ledger')
        return world.fail(5, `${what} in a world without faults`)
      if (!sameOwner(before, run)) return
      if (before.outcome === 'returned') {
        if (run.subscription !== 'ledger') world.fail(5, `${what} by the same owner, although its handler has returned`)
      } else if (run.subscription !== 'slow' || run.began - before.began < slowTimeout + slowAbandon) {
        world.fail(5, `${what} by the same owner while an earlier attempt is under way`)
      }
    },
  }
}
