import { isTidingsError } from '../kernel/errors.ts'
import type { Log } from '../kernel/log.ts'
import type { Position, Store } from '../store/store.ts'
import type { Engine } from '../subscriber/engine.ts'
import { type ReplayRun, replaysCollection } from '../subscriber/replay-run.ts'
import { keptTypes } from './kept-types.ts'

export interface TrimmedBy {
  readonly store: Store
  readonly log: Log
  /** After which position each subscription of this bus begins, from when it is registered. */
  readonly starts: ReadonlyMap<string, Position>
  /** By subscription. */
  readonly live: ReadonlyMap<string, Pick<Engine, 'releasedThrough' | 'subscription'>>
  /** By id of the replay. */
  readonly replays: () => ReadonlyMap<string, Engine>
}

/**
 * Keeps the log of a memory store from growing without bound: everything but the last `keep` events goes once no subscription of this bus and no
 * replay needs it any more. What a state is rebuilt from stays (`keptTypes`). Returns what to call after each commit, with the head of the log.
 */
export function trimMemory({ store, log, starts, live, replays }: TrimmedBy, keep: number): (head: Position) => void {
  let trimmed = 0
  let next = 2 * keep
  /** Events that stay behind the trimmed place, because a state is rebuilt from them. */
  let kept = 0

  const trim = async (head: Position): Promise<void> => {
    let through = head - keep
    for (const document of await store.find(replaysCollection, { by: { index: 'state', equal: 'open' } })) {
      const { after } = JSON.parse(document.body) as ReplayRun
      const released = replays().get(document.id)?.releasedThrough ?? after
      // Infinity: its engine owns nothing yet.
      through = Math.min(through, released === Number.POSITIVE_INFINITY ? after : released)
    }
    for (const [name, start] of starts) {
      const engine = live.get(name)
      const released = engine?.releasedThrough ?? start
      // Inline ones have heard everything when it was published; of all others an engine that owns nothing, or is yet to come, has read nothing.
      const hasHeard = engine?.subscription.settings.mode === 'inline'
      through = Math.min(through, released === Number.POSITIVE_INFINITY && !hasHeard ? start : released)
    }
    for (const engine of replays().values()) through = Math.min(through, engine.releasedThrough)
    if (through <= trimmed) return
    const exceptTypes = [...(await keptTypes(store))]
    kept += through - trimmed
    trimmed = through
    kept -= (await store.prune({ through, exceptTypes, limit: Number.MAX_SAFE_INTEGER })).removed
    // Each look passes over those that stay.
    next = Math.max(next, head + kept)
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
