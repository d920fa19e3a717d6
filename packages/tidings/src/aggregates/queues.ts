import { AsyncLocalStorage } from 'node:async_hooks'

import type { Store } from '../store/store.ts'

/** By store and stream: the end of the queue of those in this process who were beaten there. */
const queues = new WeakMap<Store, Map<string, Promise<void>>>()

/** Whether somebody decides already, around the caller. */
const deciding = new AsyncLocalStorage<true>()

/** Runs a decision such that decisions which its own decider makes wait for nobody: they might wait for this one. */
export function whileDeciding<Result>(run: () => Promise<Result>): Promise<Result> {
  return deciding.run(true, run)
}

export function isNested(): boolean {
  return deciding.getStore() === true
}

/**
 * Waits behind those of this process who were beaten at the same streams before, so that they do not beat each other over and over. Resolves with how to
 * let the next one go.
 */
export async function queueUp(store: Store, streams: readonly string[]): Promise<() => void> {
  let tails = queues.get(store)
  if (tails === undefined) queues.set(store, (tails = new Map()))
  const known = tails
  const leaving: (() => void)[] = []
  // In one order for all, so that no two wait for each other.
  for (const stream of [...streams].sort()) {
    const before = known.get(stream)
    const { promise, resolve } = Promise.withResolvers<void>()
    known.set(stream, promise)
    leaving.push(() => {
      if (known.get(stream) === promise) known.delete(stream)
      resolve()
    })
    await before
  }
  return () => {
    for (const leave of leaving) leave()
  }
}
