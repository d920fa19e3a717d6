import type { Runtime, Timer } from '../kernel/runtime.ts'

/** Longer than any lease, so that a transport that knows of a new owner has said so. In milliseconds. */
const patience = 15_000

/**
 * A commit was refused because somebody has raised the token. Mostly a new owner, and the transport will say so. But one who died
 * between raising it and owning the partition tells nobody: what the transport still calls ours after a while is taken back.
 */
export class TakeBack {
  readonly #runtime: Runtime
  readonly #own: (partition: number) => Promise<void>
  readonly #timers = new Map<number, Timer>()
  /** What the transport calls ours, whether or not we hold its token. */
  readonly #assigned = new Set<number>()

  /** @param own Takes a partition over and reads on; resolves at once for one that is held. */
  constructor(runtime: Runtime, own: (partition: number) => Promise<void>) {
    this.#runtime = runtime
    this.#own = own
  }

  assigned(partition: number): void {
    this.#assigned.add(partition)
  }

  /** What the transport calls ours. */
  ours(): readonly number[] {
    return [...this.#assigned]
  }

  gone(partition: number): void {
    this.#assigned.delete(partition)
  }

  /** Looks again later whether the partition is ours after all. */
  consider(partition: number): void {
    this.#timers.get(partition)?.cancel()
    const timer = this.#runtime.setTimer(patience, () => {
      this.#timers.delete(partition)
      // The store may be away: then again.
      if (this.#assigned.has(partition)) this.#own(partition).catch(() => this.consider(partition))
    })
    this.#timers.set(partition, timer)
  }

  close(): void {
    this.#assigned.clear()
    for (const timer of this.#timers.values()) timer.cancel()
  }
}
