import type { Log } from '../kernel/log.ts'

/** Subscriptions that were declared after the start of their bus: those on their way, and those that could not start, with the reason. */
export class LateSubscriptions {
  readonly #log: Log
  readonly #starting = new Map<string, Promise<void>>()
  readonly #failures = new Map<string, Error>()

  constructor(log: Log) {
    this.#log = log
  }

  begin(name: string, start: () => Promise<unknown>): void {
    const starting = start()
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
}
