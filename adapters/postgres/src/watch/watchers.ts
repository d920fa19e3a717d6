import type { Runtime, Timer } from 'tidings/spi'

import type { Announcements } from './announcements.ts'

export interface WatchersOptions {
  readonly runtime: Runtime
  /** Milliseconds between two looks that no notification asked for. */
  readonly poll: number
  readonly announcements: Announcements
  /** Text that changes whenever anybody has committed. */
  readonly snapshot: () => Promise<string>
}

/** Wakes those who watch: soon after a commit of this store, at notifications of others, and when a look shows that something was committed. */
export class Watchers {
  readonly #options: WatchersOptions
  readonly #watching = new Set<{ readonly wake: () => void }>()
  #waking = false
  #timer: Timer | undefined
  #looking = false
  #seen: string | undefined

  constructor(options: WatchersOptions) {
    this.#options = options
    options.announcements.heard = () => this.#wake()
  }

  add(wake: () => void): () => void {
    const watcher = { wake }
    this.#watching.add(watcher)
    if (this.#timer === undefined) this.#arm()
    return () => {
      this.#watching.delete(watcher)
      if (this.#watching.size === 0) this.#rest()
    }
  }

  /** Somebody of this process has committed. */
  committed(): void {
    this.#wake()
    this.#options.announcements.announce()
  }

  close(): void {
    this.#watching.clear()
    this.#rest()
  }

  /** Many commits of one turn wake once. */
  #wake(): void {
    if (this.#waking || this.#watching.size === 0) return
    this.#waking = true
    queueMicrotask(() => {
      this.#waking = false
      for (const { wake } of this.#watching) wake()
    })
  }

  #arm(): void {
    const { runtime, poll, announcements } = this.#options
    announcements.listen()
    if (!this.#looking) void this.#look()
    this.#timer = runtime.setTimer(poll, () => this.#arm())
  }

  async #look(): Promise<void> {
    this.#looking = true
    try {
      const seen = await this.#options.snapshot()
      if (this.#seen !== undefined && seen !== this.#seen) this.#wake()
      this.#seen = seen
    } catch {
      // Away: whoever reads next will hear it. When it is back, something may have happened.
      this.#seen = ''
    }
    this.#looking = false
  }

  #rest(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#seen = undefined
  }
}
