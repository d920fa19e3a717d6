import { TidingsError } from '../kernel/errors.ts'

export interface TokenBucketOptions {
  /** Tokens that flow in each second. Above 0; may be a fraction. */
  readonly rate: number
  /** Most tokens it holds, and how many it begins with. Whole number of at least 1; default: one second's worth. */
  readonly burst?: number
}

/**
 * Lets through at most `burst + rate × seconds` over any window, however long it stood idle. Kept as the one time at which
 * the next token would be due in a stream without bursts, so nothing drips, adds up or overflows.
 */
export class TokenBucket {
  readonly rate: number
  readonly burst: number
  readonly #interval: number
  readonly #tolerance: number
  #now = Number.NEGATIVE_INFINITY
  #due = Number.NEGATIVE_INFINITY

  constructor(options: TokenBucketOptions) {
    const { rate, burst = Math.max(1, Math.floor(rate)) } = options
    if (!(Number.isFinite(rate) && rate > 0)) throw invalid('rate', 'a number above 0, in events per second')
    if (!(Number.isSafeInteger(burst) && burst >= 1)) throw invalid('burst', 'a whole number of at least 1')
    this.rate = rate
    this.burst = burst
    this.#interval = 1_000 / rate
    this.#tolerance = (burst - 1) * this.#interval
  }

  /**
   * Takes `count` tokens, all or none. Returns 0 when they were taken, else the whole milliseconds after which it is worth
   * asking again. `now` is monotonic time in milliseconds; a time before one seen earlier counts as that one. Throws
   * `TIDINGS_RATE_LIMITED` for more than the bucket can ever hold.
   */
  take(now: number, count = 1): number {
    if (count > this.burst) {
      throw new TidingsError(
        'TIDINGS_RATE_LIMITED',
        `${count} at once can never pass a limit whose burst is ${this.burst}.`,
        {
          details: { count, burst: this.burst },
        },
      )
    }
    if (now > this.#now) this.#now = now
    const at = this.#now
    const due = Math.max(this.#due, at)
    const wait = due + (count - 1) * this.#interval - this.#tolerance - at
    if (wait > 0) return Math.ceil(wait)
    this.#due = due + count * this.#interval
    return 0
  }
}

function invalid(field: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', `Expected \`${field}\` of the rate limit to be ${rule}.`, {
    details: { field, rule },
  })
}
