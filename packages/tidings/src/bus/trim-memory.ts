import { isTidingsError } from '../kernel/errors.ts'
import type { Log } from '../kernel/log.ts'
import type { Position, Store } from '../store/store.ts'
import type { Engine } from '../subscriber/engine.ts'
import { type ReplayRun, replaysCollection } from '../subscriber/replay-run.ts'

export interface TrimmedBy {
  readonly store: Store
  readonly log: Log
  /** By subscription. */
  readonly live: ReadonlyMap<string, Engine>
  /** By id of the replay. */
  readonly replays: () => ReadonlyMap<string, Engine>
}

/**
 * Keeps the log of a memory store from growing without bound: everything but the last `keep` events goes once no subscription of this bus and no
 * replay needs it any more. Returns what to call after each commit, with the head of the log.
 */
export function trimMemory({ store, log, live, replays }: TrimmedBy, keep: number): (head: Position) => void {
  let trimmed = 0
  let next = 2 * keep

  const trim = async (head: Position): Promise<void> => {
    let through = head - keep
    for (const document of await store.find(replaysCollection, { by: { index: 'state', equal: 'open' } })) {
      const { after } = JSON.parse(document.body) as ReplayRun
      const released = replays().get(document.id)?.releasedThrough ?? after
      // Infinity: its engine owns nothing yet.
      through = Math.min(through, released === Number.POSITIVE_INFINITY ? after : released)
    }
    for (const engine of [...live.values(), ...replays().values()]) through = Math.min(through, engine.releasedThrough)
    if (through <= trimmed) return
    trimmed = through
    await store.prune({ through, limit: Number.MAX_SAFE_INTEGER })
  }

  return (head) => {
    if (head < next) return
    // Looking again at each commit while a slow subscription holds everything would cost more than it frees.
    next = head + Math.max(1, Math.floor(keep / 2))
    trim(head).catch((error: unknown) => {
      if (!isTidingsError(error, 'TIDINGS_CLOSED'))
        log('warn', 'Old events could not be removed; it is tried again', { error: (error as Error).message })
    })
  }
}
