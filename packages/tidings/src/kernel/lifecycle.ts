import { TidingsError } from './errors.ts'
import type { Runtime } from './runtime.ts'

/**
 * The life of anything that starts and ends: new → starting → started → draining → closed.
 * `start` and `close` are idempotent and answer every caller with the outcome of the one run. A start that fails leads
 * to closed. `close` before or during a start is allowed; it waits for the start, then ends what was begun.
 */
export type Phase = 'new' | 'starting' | 'started' | 'draining' | 'closed'

export class Lifecycle {
  readonly #name: string
  #phase: Phase = 'new'
  #starting: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(name: string) {
    this.#name = name
  }

  get phase(): Phase {
    return this.#phase
  }

  start(run: () => Promise<void>): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(this.#closed())
    this.#starting ??= this.#run(run)
    return this.#starting
  }

  /** `patience` bounds how long it waits for a start under way; default: until that has ended. */
  close(
    run: () => Promise<void>,
    patience: (starting: Promise<void>) => Promise<unknown> = (starting) => starting,
  ): Promise<void> {
    this.#closing ??= this.#end(run, patience)
    return this.#closing
  }

  /** Throws TIDINGS_CLOSED once closing has begun. */
  assertOpen(): void {
    if (this.#phase === 'draining' || this.#phase === 'closed') throw this.#closed()
  }

  async #run(run: () => Promise<void>): Promise<void> {
    this.#phase = 'starting'
    try {
      await run()
      if (this.#phase === 'starting') this.#phase = 'started'
    } catch (error) {
      if (this.#phase === 'starting') this.#phase = 'closed'
      throw error
    }
  }

  async #end(run: () => Promise<void>, patience: (starting: Promise<void>) => Promise<unknown>): Promise<void> {
    if (this.#starting !== undefined) await patience(this.#starting).catch(() => {})
    this.#phase = 'draining'
    try {
      await run()
    } finally {
      this.#phase = 'closed'
    }
  }

  #closed(): TidingsError {
    return new TidingsError('TIDINGS_CLOSED', `${this.#name} is closed.`, { details: { name: this.#name } })
  }
}

/** Waits for `work`, at most `ms`. Returns whether it ended in time; what it throws is thrown. A late failure is swallowed. */
export function within(runtime: Runtime, ms: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = runtime.setTimer(ms, () => resolve(false))
    work.then(
      () => {
        timer.cancel()
        resolve(true)
      },
      (error: unknown) => {
        timer.cancel()
        reject(error)
      },
    )
  })
}
