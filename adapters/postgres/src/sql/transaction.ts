import type { PoolClient } from 'pg'
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

import { type Applied, applyTogether } from '../commit/apply-together.ts'
import { resultsOf } from '../commit/commit-call.ts'
import type { CommitTarget } from '../commit/commit-context.ts'
import { planUnits } from '../commit/plan-units.ts'
import type { TextRow } from '../connect/link.ts'
import { blamesStatement, blamesUnit, commitError, isLost, refusal, storeError } from '../postgres-errors.ts'
import { renderStatement } from './render-statement.ts'
import type { StatementRun } from './run-statements.ts'
import type { BoundStatement } from './statement-messages.ts'

export interface TransactionOptions {
  /** Its transaction has begun. */
  readonly client: PoolClient
  readonly runtime: Runtime
  readonly target: CommitTarget
  /** Milliseconds. */
  readonly hold: number
  readonly signal: AbortSignal | undefined
  readonly rows: (text: string, values: unknown[]) => Promise<readonly Row[]>
  readonly run: (text: string, values: unknown[]) => Promise<readonly TextRow[]>
  readonly runStatements: (statements: readonly BoundStatement[]) => StatementRun
  /**
   * Called once, when it has ended in whatever way. `broken`: it was cut off, and whatever it still does must be stopped; then it resolves with
   * whether the server is there and was at work for it. Never rejects.
   */
  readonly ended: (result: 'committed' | 'rolled back', broken: boolean) => Promise<boolean>
}

/** Milliseconds after which a server that is not at work on what it was asked has not heard it, or is not heard. */
const overdue = 100

/** Open, perhaps failed (PostgreSQL then takes nothing but a rollback), then ended: by commit, by rollback, by its time, its signal, or with the store. */
export class InteractiveTransaction implements SqlTransaction {
  readonly #options: TransactionOptions
  readonly #timer: Timer
  readonly #abort: () => void
  #running = 0
  #askedAt = 0
  /** What made it fail. */
  #failed: Error | undefined
  /** Why calls are refused; undefined while it is open. */
  #over: Error | undefined
  /** Settles the reason of a transaction whose time ran out while the server was asked. */
  #judging: Promise<void> | undefined

  constructor(options: TransactionOptions) {
    this.#options = options
    const { runtime, hold, signal } = options
    this.#timer = runtime.setTimer(hold, () => this.#expire(heldTooLong(hold)))
    this.#abort = () => this.cut(signal?.reason as Error)
    signal?.addEventListener('abort', this.#abort, { once: true })
  }

  async query(statement: Statement): Promise<readonly Row[]> {
    this.#assertOpen()
    const what = 'A query of the transaction'
    if (this.#failed !== undefined) throw hasFailed(this.#failed)
    const { text, values } = renderStatement(statement, what)
    this.#running++
    this.#askedAt = this.#options.runtime.monotonic()
    try {
      return await this.#options.rows(text, values)
    } catch (error) {
      if (this.#over !== undefined) {
        await this.#judging
        throw this.#over
      }
      if (isLost(error)) {
        const lost = storeError(error, what)
        this.cut(lost)
        throw lost
      }
      const failure = blamesStatement(error) ? refusal(error, what) : storeError(error, what)
      this.#failed ??= failure
      throw failure
    } finally {
      this.#running--
    }
  }

  async commit(unit: Unit): Promise<CommitResult> {
    this.#assertOpen()
    if (this.#failed !== undefined) {
      await this.rollback()
      return { status: 'refused', error: hasFailed(this.#failed) }
    }
    // Who commits leaves no time to be cut off: from here on everything is on its way.
    this.#settle(done())
    const { target, run, runStatements } = this.#options
    let result: CommitResult | undefined
    let broken = true
    try {
      const applied = await applyTogether({
        run,
        runStatements,
        begin: false,
        target,
        units: [unit],
        known: undefined,
        trusting: false,
      })
      broken = applied.kind === 'failed' && applied.unit === undefined && isLost(applied.error)
      result = this.#resultOf(unit, applied)
      return result
    } finally {
      void this.#options.ended(result?.status === 'committed' && !result.repeated ? 'committed' : 'rolled back', broken)
    }
  }

  async rollback(): Promise<void> {
    if (this.#over !== undefined) return
    if (this.#running > 0) {
      this.cut(done())
      return
    }
    this.#settle(done())
    let broken = true
    try {
      await this.#options.run('rollback', [])
      broken = false
    } catch {
      // A connection that cannot say so has rolled back by its end.
    } finally {
      void this.#options.ended('rolled back', broken)
    }
  }

  /**
   * Its time is over. A server that is away takes all the time there is, which is no verdict on what it was asked, so it must not read like one: who waits
   * for an answer hears that the store is unavailable, unless the server is at work on it.
   */
  #expire(over: Error): void {
    const unanswered = this.#running > 0 && this.#options.runtime.monotonic() - this.#askedAt > overdue
    const atWork = this.#cut(over)
    if (!unanswered) return
    this.#judging = atWork.then((worked) => {
      if (!worked) this.#over = gaveNoAnswer(over)
    })
  }

  /** Ends it at once, whatever it is doing. */
  cut(over: Error): void {
    if (this.#over === undefined) void this.#cut(over)
  }

  #cut(over: Error): Promise<boolean> {
    this.#settle(over)
    return this.#options.ended('rolled back', true)
  }

  #resultOf(unit: Unit, applied: Applied): CommitResult {
    const { target } = this.#options
    switch (applied.kind) {
      case 'committed':
        return applied.results[0] as CommitResult
      case 'changed': {
        // What stood in the way is the answer.
        const plan = planUnits([unit], target.identities, { known: applied.known, trusting: false })
        if (plan.verdicts[0]?.kind === 'apply') throw storeError(applied.error, 'A commit')
        return resultsOf(plan, 0, [])[0] as CommitResult
      }
      case 'failed': {
        const { error, unit: owner } = applied
        if (owner === undefined ? blamesUnit(error) : blamesStatement(error))
          return { status: 'refused', error: refusal(error, owner?.what ?? 'The unit') }
        throw commitError(error)
      }
    }
  }

  #settle(over: Error): void {
    this.#over = over
    this.#timer.cancel()
    this.#options.signal?.removeEventListener('abort', this.#abort)
  }

  #assertOpen(): void {
    if (this.#over !== undefined) throw this.#over
  }
}

function heldTooLong(hold: number): TidingsError {
  return new TidingsError(
    'TIDINGS_TX_HOLD',
    `The transaction was open for longer than \`txHold\` (${hold} ms) and was rolled back. Do slow work outside of it, or allow more; what decides or publishes within it must be told so by its context, or it may wait for this very transaction.`,
    { details: { field: 'txHold', limit: hold } },
  )
}

function gaveNoAnswer(cause: Error): TidingsError {
  return new TidingsError(
    'TIDINGS_STORE_UNAVAILABLE',
    'A query of the transaction failed: the server gave no answer, and was not at work on one.',
    { cause, details: { during: 'A query of the transaction' } },
  )
}

function hasFailed(cause: Error): TidingsError {
  return new TidingsError(
    'TIDINGS_UNIT_REFUSED',
    'A statement before has failed, so PostgreSQL lets this transaction only roll back.',
    { cause },
  )
}

function done(): TidingsError {
  return new TidingsError('TIDINGS_UNIT_REFUSED', 'The transaction has ended.')
}
