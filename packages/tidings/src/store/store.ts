import type { EventRecord } from '../events/record.ts'

/** An event's place in a store's log. Positions ascend in commit order; there may be gaps, and no gap is ever filled later. */
export type Position = number

/** All events of one (tenant, category, key). `tenant` is empty where there is none. */
export interface StreamName {
  readonly tenant: string
  readonly category: string
  readonly key: string
}

/**
 * Remembers. Every durable fact of Tidings is an event in the log or a document in a collection, and changes by `commit` alone.
 * Implement it in one file an operation; `@tidings/conformance` says whether you did. Methods may run side by side.
 */
export interface Store {
  readonly capabilities: StoreCapabilities

  /**
   * Applies each unit whole or not at all, in the order given, and answers each in its place. When it resolves, everything
   * reported as committed is as durable as `capabilities.durability` says and visible to readers. Units of one call may share
   * a database transaction, but the failure of one must not undo its neighbours. A failed precondition is an answer, not an
   * error. A unit whose events are all stored already was committed before: answer it as the first time and change nothing.
   * Rejects only when the outcome of every unit is unknown or nothing was applied (`TIDINGS_COMMIT_UNKNOWN`,
   * `TIDINGS_STORE_UNAVAILABLE`, `TIDINGS_STORE_FULL`); callers repeat with the same ids.
   */
  commit(units: readonly Unit[]): Promise<readonly CommitResult[]>

  /** One page of a stream in version order (or reverse), starting at `from` inclusive; default from its beginning. Unknown streams are empty. */
  readStream(stream: StreamName, query?: StreamQuery): Promise<readonly StoredEvent[]>

  /** One page of the log after a position, in position order, with the filters applied. See `Page.through`. */
  readAll(query: LogQuery): Promise<Page>

  /** Documents of a collection that match, in order of the index asked for (else of id). */
  find(collection: string, query?: DocumentQuery): Promise<readonly StoredDocument[]>

  /**
   * Calls `wake` soon after somebody, in any process, has committed. A hint: it may come late, twice, or for nothing, and
   * callers poll as well. Returns how to stop. Never throws; must not call synchronously.
   */
  watch(wake: () => void): () => void

  /** Removes up to `limit` events that match, oldest first. Streams keep counting their versions; documents are untouched. */
  prune(query: PruneQuery): Promise<Pruned>

  /** Idempotent. Waits for running calls; later ones reject with TIDINGS_CLOSED. */
  close(): Promise<void>
}

/** What a store can do. The start-up check, the conformance suites, the docs and the console read the same object. */
export interface StoreCapabilities {
  readonly name: string
  /** What survives after commit resolves: the process only, or the death of process and machine. */
  readonly durability: 'memory' | 'store'
  /** Who can open the same store at once. */
  readonly sharing: 'process' | 'host' | 'network'
  /** Which SQL its units may carry; `none` refuses statements with TIDINGS_NOT_SUPPORTED. */
  readonly sql: 'none' | 'sqlite' | 'postgres'
  /** Fixed share count of this store's streams, 1 to 1,024. */
  readonly partitions: number
  /**
   * Commits that one process should have under way at once, where they touch different streams and documents. More than one pays where a commit of
   * half as many units takes about half as long; it does not where each waits for a disk. Default 1.
   */
  readonly commitsAtOnce?: number
}

/** What one commit writes. Preconditions are checked against the state before any of this unit's own changes. */
export interface Unit {
  readonly expect?: readonly Expectation[]
  readonly append?: readonly EventRecord[]
  readonly documents?: readonly DocumentChange[]
  /** Run in order, after the preconditions; only where `capabilities.sql` is not `none`. */
  readonly statements?: readonly Statement[]
}

export type Expectation =
  /** The stream stands at this version; 0: it has no events yet. */
  | { readonly stream: StreamName; readonly version: number }
  /** The document stands at this version; 0: there is none. */
  | { readonly collection: string; readonly id: string; readonly version: number }

export type DocumentChange =
  /** Creates or replaces. The version grows by one with each put and starts at 1, also after a delete. */
  | {
      readonly put: string
      readonly collection: string
      /** Values to find it by, text or finite numbers; with others the unit is refused. Replaced as a whole with each put. */
      readonly index?: Readonly<Record<string, string | number>>
      readonly id: string
    }
  /** Deleting what is not there is no failure. */
  | { readonly delete: true; readonly collection: string; readonly id: string }

/** SQL in the dialect of `capabilities.sql`: the text around the values, one part more than there are values. Stores bind, never paste. */
export interface Statement {
  readonly text: readonly string[]
  readonly values: readonly SqlValue[]
}

export type SqlValue = string | number | bigint | boolean | null | Uint8Array

export type CommitResult =
  | {
      readonly status: 'committed'
      readonly events: readonly Placed[] /** True where the unit had been committed by an earlier call. */
      readonly repeated: boolean
    }
  | { readonly status: 'conflict'; readonly expectation: Expectation; readonly actual: number }
  /**
   * The unit itself cannot be applied (a failing statement, an id that another unit used): repeating it is pointless. Where a statement has broken a
   * constraint, `details.violates` of the error says which kind: `unique`, `not null`, `check`, `foreign key`, or one that only this store knows.
   */
  | { readonly status: 'refused'; readonly error: Error }

/** Where an appended event now stands. */
export interface Placed {
  readonly position: Position
  /** Its number in its stream, from 1, without gaps. */
  readonly streamVersion: number
}

export interface StoredEvent extends Placed {
  readonly record: EventRecord
  /** Name of the stream as one text; equal for equal streams and no others. See `streamText`. */
  readonly stream: string
  readonly partition: number
}

export interface StreamQuery {
  /** Version to start at, inclusive. Default: the first, or the last when reverse. */
  readonly from?: number
  /** Most events to return, default 500. */
  readonly limit?: number
  readonly reverse?: boolean
}

export interface LogQuery {
  /** Only events after this position; 0 for the beginning. */
  readonly after: Position
  /** Most events to return. */
  readonly limit: number
  /** Only events up to this position, inclusive. */
  readonly upTo?: Position
  readonly partitions?: readonly number[]
  /** Empty: none matches; the page then tells the head of the log by its `through`, at no cost. */
  readonly types?: readonly string[]
  readonly categories?: readonly string[]
  readonly tenant?: string
  readonly correlation?: string
  readonly causation?: string
  readonly id?: string
  /** Event time, milliseconds since 1970: from inclusive, to exclusive. */
  readonly from?: number
  readonly to?: number
}

export interface Page {
  readonly events: readonly StoredEvent[]
  /**
   * Everything up to here has been looked at: no event at or below it that matches will ever appear that this page and those before did not
   * hold. Equals `after` when the log has nothing newer; may lie beyond the last event returned.
   */
  readonly through: Position
}

export interface StoredDocument {
  readonly id: string
  readonly version: number
  readonly body: string
}

export interface DocumentQuery {
  readonly id?: string
  /** Ids that begin with this text. */
  readonly prefix?: string
  /** Documents that carry this index, in its order: all, those equal, or those up to a value. Numbers order before text. */
  readonly by?: { readonly index: string; readonly equal?: string | number; readonly upTo?: number }
  /** Ids after this one (in the order of ids; not together with `by`). */
  readonly after?: string
  /** Default 1,000. */
  readonly limit?: number
}

export interface PruneQuery {
  /** Never beyond this position, inclusive. */
  readonly through: Position
  /** Only events older than this time, milliseconds since 1970. */
  readonly before?: number
  readonly types?: readonly string[]
  readonly exceptTypes?: readonly string[]
  readonly source?: string
  /** Only events of other sources than this one. */
  readonly exceptSource?: string
  readonly stream?: StreamName
  readonly limit: number
}

export interface Pruned {
  readonly removed: number
  /** Whether more may match. */
  readonly more: boolean
}

const separator = '\u001f'

/** One text for a stream's name. No part may hold control characters, so no two streams read alike. */
export function streamText(stream: StreamName): string {
  return stream.tenant + separator + stream.category + separator + stream.key
}

export function parseStream(text: string): StreamName {
  const [tenant = '', category = '', key = ''] = text.split(separator)
  return { tenant, category, key }
}
