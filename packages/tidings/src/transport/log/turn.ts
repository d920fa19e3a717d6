import type { Runtime } from '../../kernel/runtime.ts'

/** How long delivery may keep the event loop before input and output get their turn, in milliseconds. */
const share = 5

/**
 * Shares the event loop with everybody else. Reading a store that answers from memory never leaves the microtask queue by
 * itself; without this, a million waiting events would hold up every socket and timer of the process.
 */
export class Turn {
  readonly #runtime: Runtime
  #open = false
  #since = 0

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** Whether this turn of the event loop has done enough. */
  spent(): boolean {
    const now = this.#runtime.monotonic()
    if (!this.#open) {
      this.#open = true
      this.#since = now
      this.#runtime.defer(() => {
        this.#open = false
      })
    }
    return now - this.#since > share
  }

  /** Calls `run` soon, never synchronously: still in this turn where it has time left, else in the next. */
  soon(run: () => void): void {
    if (this.spent()) this.#runtime.defer(run)
    else queueMicrotask(run)
  }

  /** Resolves in the next turn. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#runtime.defer(resolve))
  }
}
