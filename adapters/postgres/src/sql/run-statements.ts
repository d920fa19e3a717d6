import type { Writable } from 'node:stream'

import pg from 'pg'
import type { Runtime } from 'tidings/spi'

import { destroy } from '../connect/connect.ts'
import { type BoundStatement, statementMessages } from './statement-messages.ts'

/** Statements of users on their way, their rows of interest to nobody. */
export interface StatementRun {
  /** Resolves when all are done. Rejects with what the first one said that failed. */
  readonly ended: Promise<void>
  /** How many are done before the first one that failed: that is its place. */
  readonly done: number
}

/** Sends statements behind each other in one go, at least one, in a transaction that is open. */
export function runStatements(
  { runtime, timeout }: { readonly runtime: Runtime; readonly timeout: number },
  client: pg.ClientBase,
  statements: readonly BoundStatement[],
): StatementRun {
  const run = new Run(statements)
  const timer = runtime.setTimer(timeout, () => destroy(client))
  const cancel = (): void => timer.cancel()
  run.ended.then(cancel, cancel)
  // Once for each answer that will come.
  for (let at = 0; at < run.answers; at++) client.query(run as unknown as pg.Query)
  return run
}

const Query = pg.Query as unknown as new (config: { readonly text: string }) => object

/** To `pg`, as many queries as there are answers to come, all of them this object: the first one that is to be sent sends all. */
class Run extends Query implements StatementRun {
  readonly ended: Promise<void>
  done = 0
  /** How many the server sends where nothing fails. */
  readonly answers: number
  readonly #count: number
  readonly #messages: Buffer
  readonly #resolve: () => void
  readonly #reject: (error: unknown) => void
  #state: 'made' | 'sent' | 'failed' = 'made'

  constructor(statements: readonly BoundStatement[]) {
    super({ text: '' })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.ended = promise
    this.#count = statements.length
    const { bytes, answers } = statementMessages(statements)
    this.#messages = bytes
    this.answers = answers
    this.#resolve = resolve
    this.#reject = reject
  }

  submit({ stream }: { readonly stream: Writable }): void {
    if (this.#state !== 'made') return
    this.#state = 'sent'
    if (stream.writable) stream.write(this.#messages)
  }

  handleRowDescription(): void {}

  handleDataRow(): void {}

  handleCommandComplete(): void {}

  handleEmptyQuery(): void {}

  handleError(error: unknown): void {
    this.#state = 'failed'
    this.#reject(error)
  }

  /** Comes for each that has not failed, then for the closing of names, which works after a failure, too. */
  handleReadyForQuery(): void {
    if (this.#state === 'failed' || this.done === this.#count) return
    if (++this.done === this.#count) this.#resolve()
  }
}
