import { isTidingsError } from '../../kernel/errors.ts'
import type { Host } from '../../store/adapter.ts'

const shortest = 100
const longest = 5_000

/** Keeps count of a store's failures in a row: says when to try again, and writes to the log only when the state changes. */
export class Trouble {
  readonly #host: Host
  readonly #doing: string
  #failures = 0

  constructor(host: Host, doing: string) {
    this.#host = host
    this.#doing = doing
  }

  /** Milliseconds to wait before the next attempt: 100 ms doubling to 5 s, of which the later half is random. */
  failed(error: unknown): number {
    if (this.#failures === 0) {
      const reason = isTidingsError(error) ? error.code : error instanceof Error ? error.name : 'unknown'
      this.#host.log('warn', `The store fails while ${this.#doing}; trying on.`, { reason, error })
    }
    const wait = Math.min(longest, shortest * 2 ** Math.min(this.#failures, 10))
    this.#failures++
    return wait * (0.5 + this.#host.runtime.random() / 2)
  }

  passed(): void {
    if (this.#failures === 0) return
    this.#host.log('info', `The store answers again while ${this.#doing}.`, { failures: this.#failures })
    this.#failures = 0
  }
}
