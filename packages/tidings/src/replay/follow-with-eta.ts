import type { Runtime } from '../kernel/runtime.ts'
import type { Store } from '../store/store.ts'
import type { ReplayRun } from '../subscriber/replay-run.ts'
import { followReplay } from './follow-replay.ts'
import type { ReplayProgress } from './replay-progress.ts'

/** How far a replay is, and how long it will take. */
export interface TimedProgress extends ReplayProgress {
  /** Which part of its positions is done, 0 to 1. */
  readonly share: number
  /** Milliseconds since the first look at it. */
  readonly elapsed: number
  /** Milliseconds until its end, if it goes on as since the first look; undefined as long as nobody can tell. */
  readonly eta: number | undefined
}

/** How a replay goes on, until it has an end. Rejects with the signal's reason. */
export async function* followWithEta(
  { store, runtime }: { readonly store: Store; readonly runtime: Runtime },
  replay: ReplayRun,
  signal?: AbortSignal,
): AsyncGenerator<TimedProgress> {
  const began = runtime.monotonic()
  let first: number | undefined
  for await (const progress of followReplay(store, runtime, replay, { signal })) {
    const { after, upTo, position, state } = progress
    const share = state === 'done' || upTo <= after ? 1 : (position - after) / (upTo - after)
    first ??= share
    const elapsed = runtime.monotonic() - began
    yield { ...progress, share, elapsed, eta: etaOf(share, share - first, elapsed) }
  }
}

function etaOf(share: number, won: number, elapsed: number): number | undefined {
  if (share >= 1) return 0
  return won > 0 && elapsed > 0 ? Math.round((elapsed * (1 - share)) / won) : undefined
}
