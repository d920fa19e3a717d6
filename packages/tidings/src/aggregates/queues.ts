import { AsyncLocalStorage } from 'node:async_hooks'

import { TidingsError } from '../kernel/errors.ts'
import type { Runtime } from '../kernel/runtime.ts'

/** By what is written to (a store, or a unit that others join) and stream: the end of the queue of those in this process who were beaten there. */
const queues = new WeakMap<object, Map<string, Promise<void>>>()

/** Whether somebody decides already, around the caller. */
const deciding = new AsyncLocalStorage<true>()

/** Runs a decision such that decisions which its own decider makes wait for nobody: they might wait for this one. */
export function whileDeciding<Result>(run: () => Promise<Result>): Promise<Result> {
  return deciding.run(true, run)
}

export function isNested(): boolean {
  return deciding.getStore() === true
}

/** How long somebody stays in a queue. */
export interface Patience {
  readonly runtime: Runtime
  /** In monotonic time. */
  readonly until: number
  /** What its options say, in milliseconds. */
  readonly deadline: number
}

/**
 * Waits behind those of this process who were beaten at the same streams before, so that they do not beat each other over and over. Resolves with how to
 * let the next one go, or rejects with `TIDINGS_DEADLINE` when it has waited long enough; then the next one goes when those before have gone.
 */
export async function queueUp(at: object, streams: readonly string[], patience: Patience): Promise<() => void> {
  let tails = queues.get(at)
  if (tails === undefined) queues.set(at, (tails = new Map()))
  const known = tails
  const leaving: (() => void)[] = []
  const leave = (): void => {
    for (const one of leaving) one()
  }
  // In one order for all, so that no two wait for each other.
  for (const stream of [...streams].sort()) {
    const before = known.get(stream)
    const { promise, resolve } = Promise.withResolvers<void>()
    known.set(stream, promise)
    const go = (): void => {
      if (known.get(stream) === promise) known.delete(stream)
      resolve()
    }
    if (before !== undefined) {
      try {
        await inTime(before, patience)
      } catch (error) {
        leave()
        // Nobody may pass those who are still before.
        void before.then(go)
        throw error
      }
    }
    leaving.push(go)
  }
  return leave
}

function inTime(before: Promise<void>, { runtime, until, deadline }: Patience): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = runtime.setTimer(Math.max(0, until - runtime.monotonic()), () =>
      reject(
        new TidingsError(
          'TIDINGS_DEADLINE',
          `Another decision of this process over the same stream did not end within the \`deadline\` of ${deadline} ms.`,
          { details: { field: 'deadline', deadline } },
        ),
      ),
    )
    void before.then(() => {
      timer.cancel()
      resolve()
    })
  })
}
