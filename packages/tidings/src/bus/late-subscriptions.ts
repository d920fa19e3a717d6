import { isTidingsError } from '../kernel/errors.ts'
import type { Log } from '../kernel/log.ts'
import { type Runtime, sleep } from '../kernel/runtime.ts'
import { isUnavailable } from '../resilience/unavailable.ts'

/** Subscriptions that were declared after the start of their bus: those on their way, and those that could not start, with the reason. */
export class LateSubscriptions {
  readonly #log: Log
  readonly #runtime: Runtime
  readonly #closed: () => boolean
  readonly #starting = new Map<string, Promise<void>>()
  readonly #failures = new Map<string, Error>()

  constructor(log: Log, runtime: Runtime, closed: () => boolean) {
    this.#log = log
    this.#runtime = runtime
    this.#closed = closed
  }

  /** A store that is away is waited for, for as long as the bus is open; `start` must bear to be called again. */
  begin(name: string, start: () => Promise<unknown>): void {
    const starting = this.#persist(name, start)
      .then(
        () => {},
        (error: unknown) => {
          const failure = error instanceof Error ? error : new Error(String(error))
          this.#failures.set(name, failure)
          this.#log('error', 'A subscription could not start', { subscription: name, error: failure.message })
        },
      )
      .finally(() => this.#starting.delete(name))
    this.#starting.set(name, starting)
  }

  /** Why a subscription could not start; undefined where it has, or is on its way. */
  failure(name: string): Error | undefined {
    return this.#failures.get(name)
  }

  /** Its name is free for another try. */
  forget(name: string): void {
    this.#failures.delete(name)
  }

  /** Resolves when all have started or failed to, or the one of this name. */
  async ended(name?: string): Promise<void> {
    await (name === undefined ? Promise.all(this.#starting.values()) : this.#starting.get(name))
  }

  /** Resolves when all have started; rejects with the reason of the first that could not. */
  async started(): Promise<void> {
    await this.ended()
    for (const failure of this.#failures.values()) throw failure
  }

  async #persist(name: string, start: () => Promise<unknown>): Promise<void> {
    for (;;) {
      try {
        await start()
        return
      } catch (error) {
        if (this.#closed() || !(isUnavailable(error) || isTidingsError(error, 'TIDINGS_COMMIT_UNKNOWN'))) throw error
        this.#log('warn', 'The store is away, so a subscription cannot begin yet; it is tried again', {
          subscription: name,
          error: (error as Error).message,
        })
        await sleep(this.#runtime, 1_000)
      }
    }
  }
}
