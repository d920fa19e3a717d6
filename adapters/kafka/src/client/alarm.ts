import type { Runtime, Timer } from 'tidings/spi'

/** One timer for all that is due at some time: it rings at the earliest. */
export class Alarm {
  readonly #runtime: Runtime
  readonly #ring: () => void
  #timer: Timer | undefined
  #due = 0

  constructor(runtime: Runtime, ring: () => void) {
    this.#runtime = runtime
    this.#ring = ring
  }

  /** Rings once, in so many milliseconds or sooner. Infinity: there is nothing to wait for any more. */
  within(ms: number): void {
    if (ms === Number.POSITIVE_INFINITY) {
      this.cancel()
      return
    }
    const due = this.#runtime.monotonic() + ms
    if (this.#timer !== undefined && this.#due <= due) return
    this.#timer?.cancel()
    this.#due = due
    this.#timer = this.#runtime.setTimer(Math.max(0, Math.ceil(ms)), () => {
      this.#timer = undefined
      this.#ring()
    })
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
