import type { Runtime, Timer } from 'tidings/spi'

/**
 * When the session of a member must be over, by its own clock and without the coordinator's help. While a join is being waited for it is
 * not: the coordinator waits, too.
 */
export class SessionClock {
  readonly #runtime: Runtime
  readonly #lasts: number
  readonly #over: () => void
  #since = Number.NEGATIVE_INFINITY
  #waiting = false
  #timer: Timer | undefined

  /** @param lasts Milliseconds. @param over Called once when a session that was heard of is over. */
  constructor(runtime: Runtime, lasts: number, over: () => void) {
    this.#runtime = runtime
    this.#lasts = lasts
    this.#over = over
  }

  /** The coordinator has answered well what was sent at this monotonic time. */
  heard(at: number): void {
    this.#since = at
    this.#arm()
  }

  /** A join is being waited for. */
  wait(): void {
    this.#waiting = true
  }

  /** The join that began at this time has ended, well or not. */
  go(began: number): void {
    this.#waiting = false
    if (this.#since === Number.NEGATIVE_INFINITY) return
    this.#since = Math.max(this.#since, began)
    this.#arm()
  }

  /** There is no session any more. */
  stop(): void {
    this.#since = Number.NEGATIVE_INFINITY
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(): void {
    this.#timer?.cancel()
    const left = this.#since + this.#lasts - this.#runtime.monotonic()
    this.#timer = this.#runtime.setTimer(Math.max(0, Math.ceil(left)), () => {
      if (this.#waiting) return
      this.stop()
      this.#over()
    })
  }
}
