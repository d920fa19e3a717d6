import pg from 'pg'
import type { Runtime } from 'tidings/spi'

import { destroy } from '../connect/connect.ts'

export interface RunStatement {
  readonly text: string
  readonly values: readonly unknown[]
}

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
  statements: readonly RunStatement[],
): StatementRun {
  const run = new Run(statements)
  const timer = runtime.setTimer(timeout, () => destroy(client))
  const cancel = (): void => timer.cancel()
  run.ended.then(cancel, cancel)
  // Once for each answer that will come.
  for (let at = 0; at < statements.length; at++) client.query(run as unknown as pg.Query)
  return run
}

/** What `pg` has to write messages of the protocol with. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void }
  parse(message: { readonly name: string; readonly text: string }): void
  bind(message: { readonly values: readonly unknown[] }): void
  execute(message: object): void
  sync(): void
}

const Query = pg.Query as unknown as new (config: { readonly text: string }) => object

/**
 * To `pg`, as many queries as there are statements, all of them this object. A text is parsed where it differs from the one before it, which is half of what
 * a small statement costs; it gets no name, so nothing is left behind on a connection that others use next. Between two runs of one text stands nothing that
 * could change of what type its values are, for the transaction has locked its tables since it was parsed.
 *
 * Each statement ends with a Sync, although one for all would be cheaper: where the rest of the next one never arrives, the server ends
 * a transaction that idles, but waits for the end of a sequence for ever.
 */
class Run extends Query implements StatementRun {
  readonly ended: Promise<void>
  done = 0
  readonly #statements: readonly RunStatement[]
  readonly #resolve: () => void
  readonly #reject: (error: unknown) => void
  #state: 'made' | 'sent' | 'failed' = 'made'

  constructor(statements: readonly RunStatement[]) {
    super({ text: '' })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.ended = promise
    this.#statements = statements
    this.#resolve = resolve
    this.#reject = reject
  }

  submit(wire: Wire): void {
    if (this.#state !== 'made') return
    this.#state = 'sent'
    wire.stream.cork()
    let parsed: string | undefined
    for (const { text, values } of this.#statements) {
      if (text !== parsed) wire.parse({ name: '', text })
      parsed = text
      wire.bind({ values })
      wire.execute({})
      wire.sync()
    }
    wire.stream.uncork()
  }

  handleRowDescription(): void {}

  handleDataRow(): void {}

  handleCommandComplete(): void {}

  handleEmptyQuery(): void {}

  handleError(error: unknown): void {
    this.#state = 'failed'
    this.#reject(error)
  }

  /** Comes for each that has not failed. */
  handleReadyForQuery(): void {
    if (this.#state !== 'failed' && ++this.done === this.#statements.length) this.#resolve()
  }
}
