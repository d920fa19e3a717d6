import type { CommitResult, SqlValue, Statement, Store, Unit } from './store.ts'

/**
 * A store whose transactions can be held open while a handler talks to the database. Optional: only SQL stores offer it,
 * and only for work that must read its own writes; everything else travels as statements in a unit.
 */
export interface SqlStore extends Store {
  /**
   * Opens a transaction on a connection of its own. On a store with one writer it waits its turn, without blocking the
   * process. Rejects with TIDINGS_STORE_UNAVAILABLE, or with the signal's reason.
   */
  begin(options: { readonly hold: number; readonly signal?: AbortSignal }): Promise<SqlTransaction>
  /** Reads outside any unit. */
  query(statement: Statement): Promise<readonly Row[]>
}

export type Row = Readonly<Record<string, SqlValue>>

/** After `hold` milliseconds it rolls back by itself and every call rejects with TIDINGS_TX_HOLD. */
export interface SqlTransaction {
  query(statement: Statement): Promise<readonly Row[]>
  /**
   * Applies the unit in this transaction and commits. Anything but `committed` has rolled back, what ran in the transaction before included; so has a
   * repetition (`repeated`), of which nothing is written but what the first time wrote.
   */
  commit(unit: Unit): Promise<CommitResult>
  /** Idempotent; harmless after the end. */
  rollback(): Promise<void>
}

export function isSqlStore(store: Store): store is SqlStore {
  return store.capabilities.sql !== 'none' && 'begin' in store
}
