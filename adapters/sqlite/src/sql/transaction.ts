import {
  type CommitResult,
  type Row,
  type Runtime,
  type SqlTransaction,
  type Statement,
  TidingsError,
  type Timer,
  type Unit,
} from 'tidings/spi'

import { finishUnit } from '../commit/commit-units.ts'
import type { Writer } from '../commit/writer.ts'
import { storeError } from '../sqlite-errors.ts'

export interface TransactionOptions {
  /** Its transaction has begun. */
  readonly writer: Writer
  readonly runtime: Runtime
  /** Milliseconds. */
  readonly hold: number
  /** Called before the first statement runs. */
  readonly touched: () => void
  /** Called once, when it has ended in whatever way. */
  readonly ended: (result: 'committed' | 'rolled back') => void
}

/** Open, then ended: by commit, by rollback, by its time, or with the store. */
export class InteractiveTransaction implements SqlTransaction {
  readonly #options: TransactionOptions
  readonly #timer: Timer
  #touched = false
  /** Why calls are refused; undefined while it is open. */
  #over: TidingsError | undefined

  constructor(options: TransactionOptions) {
    this.#options = options
    this.#timer = options.runtime.setTimer(options.hold, () => this.#end(heldTooLong(options.hold)))
  }

  async query(statement: Statement): Promise<readonly Row[]> {
    const { writer } = this.#options
    this.#assertOpen()
    if (!this.#touched) this.#options.touched()
    this.#touched = true
    try {
      return writer.connection.users.rows(statement, 'write', 'A query of the transaction')
    } catch (error) {
      // What SQLite has rolled back by itself cannot go on.
      if (!writer.connection.db.isTransaction) this.#end(rolledBack(error))
      throw storeError(error, 'A query of the transaction')
    }
  }

  async commit(unit: Unit): Promise<CommitResult> {
    this.#assertOpen()
    let result: CommitResult | undefined
    try {
      result = finishUnit(this.#options.writer, unit)
      return result
    } finally {
      this.#end(done(), result?.status === 'committed' && !result.repeated ? 'committed' : 'rolled back')
    }
  }

  async rollback(): Promise<void> {
    this.#end(done())
  }

  /** Rolls back because the store closes. */
  close(): void {
    this.#end(
      new TidingsError('TIDINGS_CLOSED', 'The SQLite store was closed, and the transaction rolled back with it.'),
    )
  }

  #assertOpen(): void {
    if (this.#over !== undefined) throw this.#over
  }

  #end(over: TidingsError, result: 'committed' | 'rolled back' = 'rolled back'): void {
    if (this.#over !== undefined) return
    this.#over = over
    this.#timer.cancel()
    try {
      this.#options.writer.rollback()
    } finally {
      this.#options.ended(result)
    }
  }
}

function heldTooLong(hold: number): TidingsError {
  return new TidingsError(
    'TIDINGS_TX_HOLD',
    `The transaction was open for longer than \`txHold\` (${hold} ms) and was rolled back. Do slow work outside of it, or allow more; what decides or publishes within it must be told so by its context, or it may wait for this very transaction.`,
    { details: { field: 'txHold', limit: hold } },
  )
}

function rolledBack(cause: unknown): TidingsError {
  return new TidingsError('TIDINGS_UNIT_REFUSED', 'A statement has rolled back the whole transaction.', { cause })
}

function done(): TidingsError {
  return new TidingsError('TIDINGS_UNIT_REFUSED', 'The transaction has ended.')
}
