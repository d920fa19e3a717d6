import type { Runtime } from '../kernel/runtime.ts'
import type { DocumentChange, Position, Store } from '../store/store.ts'

export const replaysCollection = 'replays'

/**
 * One pass of a subscription over history, as it was asked for. `open`: its instances work on it; `done`: everything up to `upTo` has been handled, or
 * is parked for an operator; `refused`: the subscription is not declared `replay: 'safe'`; `cancelled`: an operator ended it.
 */
export interface ReplayRun {
  readonly subscription: string
  /** From 1; run 0 is live. */
  readonly run: number
  /** After this position, up to that one inclusive. */
  readonly after: Position
  readonly upTo: Position
  /** Only these types, of those the subscription hears; undefined: all. */
  readonly types?: readonly string[]
  readonly state: 'open' | 'done' | 'refused' | 'cancelled'
  readonly by: string
  readonly at: number
  readonly endedAt?: number
  /** It has ended, and something that it has parked may still be there: `done` looks after it, `cancelled` clears it away. */
  readonly leftovers?: true
}

export function replayId(replay: Pick<ReplayRun, 'subscription' | 'run'>): string {
  return `${replay.subscription}/${String(replay.run).padStart(6, '0')}`
}

/** The index `care` finds those that somebody has still to look at. */
export function putReplay(replay: ReplayRun): DocumentChange {
  const { state, subscription, leftovers } = replay
  return {
    collection: replaysCollection,
    id: replayId(replay),
    put: JSON.stringify(replay),
    index: { state, subscription, ...(state === 'open' || leftovers === true ? { care: 1 } : {}) },
  }
}

/** Replaces a replay as it was read; false when somebody else has meanwhile. */
export async function replaceReplay(store: Store, replay: ReplayRun, version: number): Promise<boolean> {
  const [result] = await store.commit([
    { expect: [{ collection: replaysCollection, id: replayId(replay), version }], documents: [putReplay(replay)] },
  ])
  if (result?.status === 'refused') throw result.error
  return result?.status === 'committed'
}

/** Ends a replay; false when somebody else did meanwhile. `leftovers`: whether something that it has parked may be left. */
export function endReplay(
  store: Store,
  runtime: Runtime,
  replay: ReplayRun,
  version: number,
  state: Exclude<ReplayRun['state'], 'open'>,
  leftovers: boolean,
): Promise<boolean> {
  const ended: ReplayRun = { ...replay, state, endedAt: runtime.now(), ...(leftovers ? { leftovers } : {}) }
  return replaceReplay(store, ended, version)
}
