import type { EventRecord } from '../events/record.ts'
import { typePattern } from '../events/type-pattern.ts'
import type { Runtime } from '../kernel/runtime.ts'
import { type DocumentChange, type Position, type Store, type StoredDocument, streamText } from '../store/store.ts'

export const replaysCollection = 'replays'

/** Which events of its positions a replay is about, and what it may do. Absent: no bound. */
export interface ReplayPart {
  /** Types and wildcards, of those the subscription hears. */
  readonly types?: readonly string[]
  /** Streams as texts. */
  readonly streams?: readonly string[]
  readonly tenant?: string
  /** Event times, milliseconds since 1970: since inclusive, until exclusive. */
  readonly since?: number
  readonly until?: number
  /** Events a second, at most, in each process that carries it out. */
  readonly rate?: number
  /** Whether `effect` calls what has no record yet; absent: it does not. */
  readonly effects?: 'allow'
  /** Whether what handlers publish is published; absent: it is not. */
  readonly publishes?: 'allow'
}

/**
 * One pass of a subscription over history, as it was asked for. `open`: its instances work on it; `done`: everything up to `upTo` has been handled, or
 * is parked for an operator; `refused`: the subscription is not declared `replay: 'safe'`; `cancelled`: an operator ended it.
 */
export interface ReplayRun extends ReplayPart {
  readonly subscription: string
  /** From 1; run 0 is live. */
  readonly run: number
  /** After this position, up to that one inclusive. */
  readonly after: Position
  readonly upTo: Position
  /** Events to be handled, as they were counted when it was asked for. */
  readonly count?: number
  /** Stands for the words in which it was asked for: who asks again in the same follows it. */
  readonly asked?: string
  readonly state: 'open' | 'done' | 'refused' | 'cancelled'
  readonly by: string
  readonly at: number
  readonly endedAt?: number
  /** It has ended, and something that it has parked may still be there: `done` looks after it, `cancelled` clears it away. */
  readonly leftovers?: true
}

export function readReplay(document: StoredDocument): ReplayRun {
  return JSON.parse(document.body) as ReplayRun
}

/** Whether an event belongs to the part, of those that match one of the patterns. */
export function partMatcher(
  { types, streams, tenant, since, until }: ReplayPart,
  patterns: readonly string[] = ['**'],
): (record: EventRecord) => boolean {
  const heard = patterns.map((pattern) => typePattern(pattern))
  const wanted = types?.map((pattern) => typePattern(pattern))
  const chosen = streams === undefined ? undefined : new Set(streams)
  return (record) =>
    heard.some((matches) => matches(record.type)) &&
    (wanted === undefined || wanted.some((matches) => matches(record.type))) &&
    (tenant === undefined || record.tenant === tenant) &&
    (since === undefined || record.time >= since) &&
    (until === undefined || record.time < until) &&
    (chosen === undefined || chosen.has(streamText(record)))
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
