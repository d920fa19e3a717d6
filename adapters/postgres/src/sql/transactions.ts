import type { PoolClient } from 'pg'
import { type Runtime, type SqlTransaction, TidingsError, within } from 'tidings/spi'

import type { CommitTarget } from '../commit/commit-context.ts'
import { backendOf } from '../connect/connect.ts'
import { answer } from '../connect/link.ts'
import type { Reader } from '../connect/reader.ts'
import type { TransactionsPool } from '../connect/transactions-pool.ts'
import { storeError } from '../postgres-errors.ts'
import { runStatements } from './run-statements.ts'
import { InteractiveTransaction } from './transaction.ts'
import { userRows } from './user-rows.ts'

export interface TransactionsOptions {
  readonly runtime: Runtime
  /** Milliseconds until a call must be answered. */
  readonly timeout: number
  /** Milliseconds until a connection must stand, and a transaction on it have begun. */
  readonly connectTimeout: number
  readonly target: CommitTarget
  readonly pool: TransactionsPool
  readonly reader: Reader
  readonly committed: () => void
}

/** Milliseconds that the server waits longer than we do, so that ours is the word that callers hear. */
const margin = 1_000

/** Milliseconds in which a server that is there tells what it is doing. */
const sign = 1_000

/** The interactive transactions of a store, side by side, each on a connection of its own. */
export class Transactions {
  readonly #options: TransactionsOptions
  readonly #open = new Set<InteractiveTransaction>()
  #closing = false

  constructor(options: TransactionsOptions) {
    this.#options = options
  }

  async begin(hold: number, signal: AbortSignal | undefined): Promise<SqlTransaction> {
    const { pool, runtime, timeout, connectTimeout, target, committed } = this.#options
    const client = await pool.take(signal)
    // A connection that has idled may lead nowhere by now; whoever waits for it should not wait longer than for a new one.
    const patience = { runtime, timeout: Math.min(timeout, connectTimeout) }
    try {
      // Should this process not be there to end it, the server does, somewhat later.
      const most = Math.min(Math.ceil(hold) + margin, 2_147_483_647)
      const text = `begin; set local statement_timeout = ${most}; set local idle_in_transaction_session_timeout = ${most}`
      await answer(patience, client, undefined, text, [])
      signal?.throwIfAborted()
      if (this.#closing) throw closed()
    } catch (error) {
      pool.give(client, true)
      throw signal?.aborted === true ? error : storeError(error, 'Beginning a transaction')
    }
    const transaction = new InteractiveTransaction({
      client,
      runtime,
      target,
      hold,
      signal,
      run: (text, values) => answer({ runtime, timeout }, client, undefined, text, values),
      runStatements: (statements) => runStatements({ runtime, timeout }, client, statements),
      rows: (text, values) => userRows({ runtime, timeout }, client, text, values),
      ended: (result, broken) => {
        this.#open.delete(transaction)
        const atWork = broken ? this.#stop(client) : Promise.resolve(false)
        pool.give(client, broken)
        if (result === 'committed') committed()
        return atWork
      },
    })
    this.#open.add(transaction)
    return transaction
  }

  /** Rolls back what is open, and refuses what is on its way. */
  stop(): void {
    this.#closing = true
    for (const transaction of this.#open) transaction.cut(closedUnder())
  }

  /** What a connection still did when it was cut off: the server would notice only when it has finished. Tells whether it did anything. */
  async #stop(client: PoolClient): Promise<boolean> {
    const { reader, runtime } = this.#options
    const backend = backendOf(client)
    if (backend === undefined) return false
    const text = `select state = 'active', pg_terminate_backend(pid) from pg_stat_activity where pid = $1`
    try {
      const stopping = reader.rows(text, [backend])
      return (await within(runtime, sign, stopping)) && (await stopping)[0]?.[0] === 't'
    } catch {
      return false
    }
  }
}

function closed(): TidingsError {
  return new TidingsError('TIDINGS_CLOSED', 'The PostgreSQL store is closed.')
}

function closedUnder(): TidingsError {
  return new TidingsError('TIDINGS_CLOSED', 'The PostgreSQL store was closed, and the transaction rolled back with it.')
}
