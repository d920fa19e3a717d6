import { DatabaseSync } from 'node:sqlite'

import { type Runtime, type SqlTransaction, TidingsError } from 'tidings/spi'

import { Writer } from '../commit/writer.ts'
import { type Connection, connectionOf, openBeside } from '../connection.ts'
import type { Gate } from '../gate.ts'
import { retryBusy } from '../retry-busy.ts'
import { storeError } from '../sqlite-errors.ts'
import type { SqliteSettings } from '../sqlite-options.ts'
import { InteractiveTransaction } from './transaction.ts'

export interface TransactionsOptions {
  readonly settings: SqliteSettings
  readonly runtime: Runtime
  readonly partitions: number
  readonly gate: Gate
  /** Writes on the store's first connection. */
  readonly writer: Writer
  readonly committed: () => void
}

/** The interactive transactions of a store: one at a time, on a connection of their own. Open, then closing. */
export class Transactions {
  readonly #options: TransactionsOptions
  /** Of the second connection; opened when first needed. */
  #writer: Writer | undefined
  #open: InteractiveTransaction | undefined
  /** In memory there is one connection: while a transaction is open there, others read this copy from before it. */
  #copy: Connection | undefined
  #closing = false

  constructor(options: TransactionsOptions) {
    this.#options = options
  }

  /** Where SQL outside of transactions reads. */
  get reader(): Connection {
    return this.#copy ?? this.#options.writer.connection
  }

  async begin(hold: number, signal: AbortSignal | undefined): Promise<SqlTransaction> {
    const { gate, runtime, settings, committed } = this.#options
    const leave = await gate.enter(signal)
    try {
      const attempt = (): Writer => this.#begin()
      const writer = await retryBusy({ runtime, busyTimeout: settings.busyTimeout }, attempt, signal)
      this.#open = new InteractiveTransaction({
        writer,
        hold,
        runtime,
        touched: () => this.#copyMemory(),
        ended: (result) => {
          this.#open = undefined
          this.#copy?.db.close()
          this.#copy = undefined
          leave()
          if (result === 'committed') committed()
        },
      })
      return this.#open
    } catch (error) {
      leave()
      throw signal?.aborted === true ? error : storeError(error, 'Beginning a transaction')
    }
  }

  /** Rolls back the one that is open, and refuses those that wait. */
  stop(): void {
    this.#closing = true
    this.#open?.close()
  }

  close(): void {
    this.#writer?.connection.db.close()
  }

  #begin(): Writer {
    if (this.#closing) throw new TidingsError('TIDINGS_CLOSED', 'The SQLite store is closed.')
    const { settings, partitions, writer: first } = this.#options
    const writer =
      settings.path === ':memory:' ? first : (this.#writer ??= new Writer(openBeside(settings), partitions))
    writer.begin()
    return writer
  }

  #copyMemory(): void {
    const { settings, writer } = this.#options
    if (settings.path !== ':memory:') return
    const db = new DatabaseSync(':memory:')
    db.deserialize(writer.connection.db.serialize())
    this.#copy = connectionOf(db)
  }
}
