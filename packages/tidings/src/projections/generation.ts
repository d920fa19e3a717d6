import type { Position } from '../store/store.ts'

/**
 * One build of a projection, with a subscription and tables of its own:
 *   asked     an operator wants it; a process that has the code makes it
 *   building  on its way from the beginning of the log
 *   ready     caught up, and waits for somebody to switch: by choice, or because its check did not pass
 *   live      what readers see
 *   kept      was live until the last switch; fed on, so that it can be rolled back to
 *   leaving   nobody feeds it any more; its tables and documents go
 */
export type GenerationState = 'asked' | 'building' | 'ready' | 'live' | 'kept' | 'leaving'

/** Times are milliseconds since 1970. */
export interface Generation {
  readonly number: number
  readonly version: number
  readonly state: GenerationState
  /** `first`: the projection began. `version`: the code came with a new one. `rebuild`: somebody asked. */
  readonly reason: 'first' | 'version' | 'rebuild'
  readonly by: string
  readonly at: number
  /** What the definition hears and writes to; see `ProjectionSettings.shape`. Empty until it is made. */
  readonly shape: string
  /** Types of events, sorted. */
  readonly types: readonly string[]
  /** Names of its tables and collections, as readers know them. */
  readonly tables: readonly string[]
  readonly collections: readonly string[]
  /** Publishers write it in the commit of its events while it is live. */
  readonly joined?: boolean
  /** The head of the log when it began: what a build has to come up to. */
  readonly target: Position
  readonly beganAt?: number
  /** Caught up for the first time. */
  readonly caughtUpAt?: number
  readonly liveAt?: number
  /** Since when it is kept, or leaves. */
  readonly endedAt?: number
  readonly keepUntil?: number
  /** How long the one before it is kept once readers see this one, in milliseconds; absent until it is made. */
  readonly keep?: number
  readonly switch: 'auto' | 'manual'
  /** Most positions of the log a second that a build goes through. */
  readonly rate?: number
  readonly parity?: Parity
}

/** How a new generation compared with the live one. */
export interface Parity {
  /** `skipped`: nothing to compare by. `unchecked`: it could not be compared, and is tried again. */
  readonly verdict: 'equal' | 'differs' | 'passed' | 'refused' | 'skipped' | 'unchecked'
  readonly at: number
  /** Where both stood. */
  readonly position: Position
  /** One sentence. */
  readonly says: string
}

/** Feeders apply nothing beyond `at` before `until`, so that generations can be compared and switched at one position. */
export interface Hold {
  readonly at: Position
  readonly until: number
  /** Who holds. */
  readonly by: string
}

/** Everything that is known of one projection beside what its generations hold: one document, changed by one commit. */
export interface ProjectionState {
  readonly name: string
  /** The highest number that a generation ever had; none is given twice. */
  readonly last: number
  /** In order of number. */
  readonly generations: readonly Generation[]
  readonly hold?: Hold
  /** Versions that an operator has stopped: code that brings them along begins no build of them by itself. */
  readonly stopped?: readonly number[]
}

export const projectionsCollection = 'projections'

export function subscriptionName(projection: string, generation: number): string {
  return `projection:${projection}:${generation}`
}

/** What a generation calls a table. */
export function tableName(table: string, generation: number): string {
  return `${table}__g${generation}`
}

/** Where the store keeps a collection of a generation. */
export function collectionName(projection: string, collection: string, generation: number): string {
  return `projection:${projection}:${collection}:${generation}`
}

/** States in which a generation takes in events. */
export function isFed({ state }: Generation): boolean {
  return state === 'building' || state === 'ready' || state === 'live' || state === 'kept'
}

export function liveOf(state: ProjectionState): Generation | undefined {
  return state.generations.find((generation) => generation.state === 'live')
}

/** The one that is on its way to be live, or waits for it. */
export function nextOf(state: ProjectionState): Generation | undefined {
  return state.generations.findLast(
    (generation) => generation.state === 'asked' || generation.state === 'building' || generation.state === 'ready',
  )
}

export function keptOf(state: ProjectionState): Generation | undefined {
  return state.generations.findLast((generation) => generation.state === 'kept')
}
