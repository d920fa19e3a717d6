import type { BusParts } from '../bus/bus-parts.ts'
import type { StreamLike } from '../bus/stream-like.ts'
import type { Duration } from '../kernel/duration.ts'
import { TidingsError } from '../kernel/errors.ts'
import { sql } from '../store/sql.ts'
import { isSqlStore, type Row } from '../store/sql-store.ts'
import type { Position, Statement } from '../store/store.ts'
import { refuseSql } from './apply-event.ts'
import { type CaughtUp, caughtUpTo } from './caught-up-to.ts'
import type { ReadableCollection } from './collection.ts'
import type { Collections, ValueOf } from './define-projection.ts'
import type { Feeder } from './feeder.ts'
import { liveOf } from './generation.ts'
import { readableCollection } from './projection-documents.ts'
import { type ProjectionStatus, projectionStatus } from './projection-status.ts'
import { type RebuiltStream, rebuildStream } from './rebuild-stream.ts'
import { readState } from './state-store.ts'

export interface CaughtUpOptions {
  /** How long to wait at most. Default '5s'. */
  readonly timeout?: Duration
  readonly signal?: AbortSignal
}

/** A projection on one bus: where to read, and what to wait for. */
export interface ProjectionHandle<Table extends string = string, Documents extends Collections = Collections> {
  /** That of the definition. */
  readonly name: string
  /** The views that readers know, as pieces of SQL. They always show the live generation. */
  readonly tables: Readonly<Record<Table, Statement>>
  /** Always those of the live generation. */
  readonly documents: { readonly [Name in keyof Documents]: ReadableCollection<ValueOf<Documents[Name]>> }
  /** Reads by SQL, outside of any unit. SQL stores only. */
  readonly query: (statement: Statement) => Promise<readonly Row[]>
  /**
   * Resolves when everything up to a position, such as that of a receipt, is applied to the live generation, whichever processes feed it. Rejects with
   * `TIDINGS_DEADLINE`. What is parked does not hold it up; it is told.
   */
  readonly caughtUpTo: (position: Position, options?: CaughtUpOptions) => Promise<CaughtUp>
  /** Takes away what came of one stream and applies its events again, in one commit. Needs `forget`. */
  readonly rebuildStream: (stream: StreamLike) => Promise<RebuiltStream>
  /** Generations, positions, lag, what is parked, how comparisons ended. */
  readonly status: () => Promise<ProjectionStatus>
}

export function makeHandle(parts: BusParts, feeder: Feeder): ProjectionHandle {
  const { store } = parts
  const { name, tables, documents } = feeder.settings
  const live = async (): Promise<number> => {
    const { state } = await readState(store, name)
    const generation = state === undefined ? undefined : liveOf(state)
    if (generation === undefined) throw notBegun(name)
    return generation.number
  }
  return {
    name,
    tables: Object.freeze(Object.fromEntries(Object.keys(tables).map((table) => [table, sql.identifier(table)]))),
    documents: Object.freeze(
      Object.fromEntries(
        Object.keys(documents).map((collection) => [collection, readableCollection(store, name, collection, live)]),
      ),
    ),
    query: async (statement) => {
      if (!isSqlStore(store)) throw refuseSql(name)
      return store.query(statement)
    },
    caughtUpTo: (position, options) => caughtUpTo(parts, feeder, position, options),
    rebuildStream: (stream) => rebuildStream(parts, feeder, stream),
    status: async () => {
      const status = await projectionStatus(store, parts.runtime, name, (generation) => feeder.local(generation))
      if (status === undefined) throw notBegun(name)
      return status
    },
  }
}

export function notBegun(name: string): TidingsError {
  return new TidingsError(
    'TIDINGS_NOT_FOUND',
    `No process has begun the projection ${JSON.stringify(name)} in this store.`,
    {
      details: { name },
    },
  )
}
