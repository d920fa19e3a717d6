import type { Position, Store } from '../store/store.ts'
import type { Engine } from '../subscriber/engine.ts'

/**
 * Keeps the log of a memory store from growing without bound: everything but the last `keep` events goes once no subscription of this bus needs
 * it any more. Returns what to call after each commit, with the head of the log.
 */
export function trimMemory(store: Store, engines: ReadonlyMap<string, Engine>, keep: number): (head: Position) => void {
  let trimmed = 0
  let next = 2 * keep
  return (head) => {
    if (head < next) return
    let through = head - keep
    for (const engine of engines.values()) through = Math.min(through, engine.releasedThrough)
    // Looking again at each commit while a slow subscription holds everything would cost more than it frees.
    next = head + Math.max(1, Math.floor(keep / 2))
    if (through <= trimmed) return
    trimmed = through
    void store.prune({ through, limit: Number.MAX_SAFE_INTEGER })
  }
}
