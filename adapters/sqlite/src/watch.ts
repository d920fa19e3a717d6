import type { Runtime, Timer } from 'tidings/spi'

export interface WatchOptions {
  readonly runtime: Runtime
  /** Milliseconds between two looks for others' commits; undefined: nobody else can write. */
  readonly poll: number | undefined
  /** Changes when somebody else has committed. */
  readonly dataVersion: () => number
}

/** Wakes those who watch: soon after a commit of this store, and when a look at the file shows that others have written. */
export class Watchers {
  readonly #options: WatchOptions
  readonly #watching = new Set<{ readonly wake: () => void }>()
  #waking = false
  #timer: Timer | undefined
  #seen: number | undefined

  constructor(options: WatchOptions) {
    this.#options = options
  }

  add(wake: () => void): () => void {
    const watcher = { wake }
    this.#watching.add(watcher)
    if (this.#timer === undefined) this.#look()
    return () => {
      this.#watching.delete(watcher)
      if (this.#watching.size === 0) this.#rest()
    }
  }

  /** Somebody has committed. Many commits of one turn wake once. */
  committed(): void {
    if (this.#waking || this.#watching.size === 0) return
    this.#waking = true
    queueMicrotask(() => {
      this.#waking = false
      for (const { wake } of this.#watching) wake()
    })
  }

  close(): void {
    this.#watching.clear()
    this.#rest()
  }

  #look(): void {
    const { runtime, poll, dataVersion } = this.#options
    if (poll === undefined) return
    try {
      const seen = dataVersion()
      if (this.#seen !== undefined && seen !== this.#seen) this.committed()
      this.#seen = seen
    } catch {
      // Busy, or worse: whoever reads next will hear it from SQLite himself.
    }
    this.#timer = runtime.setTimer(poll, () => this.#look())
  }

  #rest(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#seen = undefined
  }
}
