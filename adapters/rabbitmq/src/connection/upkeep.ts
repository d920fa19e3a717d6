import type { Host, Timer } from 'tidings/spi'

const shortest = 100
const longest = 5_000

/**
 * Keeps something in order that can only be put in order by work that may fail: runs it when asked, once at a time, again after a pause where it
 * has failed, and again at once where it was asked for meanwhile.
 */
export class Upkeep {
  readonly #host: Host
  readonly #work: () => Promise<void>
  readonly #failed: (error: unknown, failures: number) => void
  #running: Promise<void> | undefined
  #again = false
  #timer: Timer | undefined
  #failures = 0
  #over = false

  /** @param failed Is told why, and how often in a row. It may end the upkeep. */
  constructor(host: Host, work: () => Promise<void>, failed: (error: unknown, failures: number) => void) {
    this.#host = host
    this.#work = work
    this.#failed = failed
  }

  /** Asks for a run. Cuts a pause short. */
  soon(): void {
    if (this.#over) return
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#running !== undefined) this.#again = true
    else this.#running = this.#run()
  }

  /** Runs no more. Resolves when what is under way has ended. */
  async end(): Promise<void> {
    this.#over = true
    this.#timer?.cancel()
    await this.#running
  }

  async #run(): Promise<void> {
    this.#again = false
    let pause: number | undefined
    // Never inside the call that asked: that may be an event of the very thing that is to be put in order.
    await Promise.resolve()
    try {
      if (!this.#over) await this.#work()
      this.#failures = 0
    } catch (error) {
      this.#failed(error, ++this.#failures)
      pause =
        Math.min(longest, shortest * 2 ** Math.min(this.#failures - 1, 10)) * (0.5 + this.#host.runtime.random() / 2)
    }
    this.#running = undefined
    if (this.#over) return
    if (pause !== undefined) this.#timer = this.#host.runtime.setTimer(pause, () => this.soon())
    else if (this.#again) this.soon()
  }
}
