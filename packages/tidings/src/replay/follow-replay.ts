import { type Duration, milliseconds } from '../kernel/duration.ts'
import { type Runtime, sleep } from '../kernel/runtime.ts'
import type { Store } from '../store/store.ts'
import type { ReplayRun } from '../subscriber/replay-run.ts'
import { type ReplayProgress, replayProgress } from './replay-progress.ts'

export interface FollowReplayOptions {
  /** Default: for as long as it takes. */
  readonly deadline?: Duration | undefined
  readonly signal?: AbortSignal | undefined
}

/** Time between looks, in milliseconds. */
const every = 250

/** How long nothing moves before it is asked who runs the subscription, and between two such questions, in milliseconds. */
const still = 3_000

/**
 * How a replay goes on, whenever that changes, until it has an end or the deadline passes. `served` says whether a process runs the subscription; asked
 * only while nothing moves. Rejects with the signal's reason.
 */
export async function* followReplay(
  store: Store,
  runtime: Runtime,
  replay: Pick<ReplayRun, 'subscription' | 'run'>,
  options: FollowReplayOptions = {},
  served?: (subscription: string) => Promise<boolean>,
): AsyncGenerator<ReplayProgress> {
  const until =
    options.deadline === undefined
      ? Number.POSITIVE_INFINITY
      : runtime.monotonic() + milliseconds(options.deadline, 'deadline')
  let told = ''
  let moved = ''
  let asked = runtime.monotonic()
  let unserved = false
  for (;;) {
    options.signal?.throwIfAborted()
    const progress = await replayProgress(store, replay)
    const place = `${progress.state} ${progress.position} ${progress.parked}`
    if (place !== moved) {
      moved = place
      unserved = false
      asked = runtime.monotonic()
    } else if (served !== undefined && runtime.monotonic() - asked >= still) {
      unserved = !(await served(replay.subscription))
      asked = runtime.monotonic()
    }
    const text = `${place} ${unserved}`
    if (text !== told) yield unserved ? { ...progress, unserved } : progress
    told = text
    if (progress.state !== 'open' || runtime.monotonic() >= until) return
    await sleep(runtime, Math.min(every, Math.max(1, until - runtime.monotonic())), options.signal)
  }
}
