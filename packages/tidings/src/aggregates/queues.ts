import { AsyncLocalStorage } from 'node:async_hooks'

import { TidingsError } from '../kernel/errors.ts'
import { type Patience, StreamQueues } from '../publisher/stream-queues.ts'

/** By what is written to: a store, or a unit that others join. */
const queues = new WeakMap<object, StreamQueues>()

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
 * let the next one go, or rejects with `TIDINGS_DEADLINE` when it has waited for the `deadline` of its options, in milliseconds.
 */
export async function queueUp(
  at: object,
  streams: readonly string[],
  patience: Patience & { readonly deadline: number },
): Promise<() => void> {
  let known = queues.get(at)
  if (known === undefined) queues.set(at, (known = new StreamQueues()))
  const leave = await known.enter(streams, patience)
  if (leave !== undefined) return leave
  const { deadline } = patience
  throw new TidingsError(
    'TIDINGS_DEADLINE',
    `Another decision of this process over the same stream did not end within the \`deadline\` of ${deadline} ms.`,
    { details: { field: 'deadline', deadline } },
  )
}
