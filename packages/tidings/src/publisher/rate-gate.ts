import { TidingsError } from '../kernel/errors.ts'
import { type Runtime, sleep } from '../kernel/runtime.ts'
import { TokenBucket } from '../resilience/token-bucket.ts'

/** Lets a limited number of events a second pass. Critical ones pass at once, but count. The rest wait, bounded in number and time. */
export class RateGate {
  readonly #runtime: Runtime
  readonly #bucket: TokenBucket
  readonly #rate: number
  readonly #limit: number
  #waiting = 0
  /** One after another, so that those who came first go first. */
  #turn: Promise<void> = Promise.resolve()

  constructor(runtime: Runtime, rate: number, limit: number) {
    this.#runtime = runtime
    this.#rate = rate
    this.#limit = limit
    this.#bucket = new TokenBucket({ rate })
  }

  get waiting(): number {
    return this.#waiting
  }

  /** Resolves when `count` events of this rank may go. Rejects with `TIDINGS_RATE_LIMITED` when too many wait, or after `deadline` milliseconds. */
  async pass(rank: number, count: number, deadline: number): Promise<void> {
    const now = this.#runtime.monotonic()
    if (rank === 0) {
      this.#bucket.take(now, count)
      return
    }
    if (this.#waiting >= this.#limit) throw this.#limited('too many publishes wait for their turn')
    this.#waiting++
    const before = this.#turn
    let release: () => void = () => {}
    this.#turn = new Promise((resolve) => (release = resolve))
    try {
      await before
      for (;;) {
        const at = this.#runtime.monotonic()
        const wait = this.#bucket.take(at, count)
        if (wait === 0) return
        if (at + wait - now > deadline)
          throw this.#limited(`its turn would come later than the \`deadline\` of ${deadline} ms`)
        await sleep(this.#runtime, wait)
      }
    } finally {
      this.#waiting--
      release()
    }
  }

  #limited(why: string): TidingsError {
    return new TidingsError(
      'TIDINGS_RATE_LIMITED',
      `No more than ${this.#rate} events a second may be published, and ${why}.`,
      { details: { rate: this.#rate } },
    )
  }
}
