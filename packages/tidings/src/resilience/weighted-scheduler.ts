import { Ring } from '../kernel/ring.ts'

/** Turns of critical, high, normal and low while all four have work. */
const weights = [8, 4, 2, 1] as const

/**
 * Chooses which of four levels goes next: in proportion to 8, 4, 2 and 1 among those that have work, interleaved rather than in runs.
 * Never idle while one has work; a level that has work waits at most 30 turns. Constant time, and allocates nothing.
 */
export class WeightedTurns {
  /** What each level is owed. A level without work is owed nothing, so it cannot save up for a run. */
  readonly #owed = [0, 0, 0, 0]

  /** The level whose turn it is, or -1 where none has work. Arguments say which have. */
  next(critical: boolean, high: boolean, normal: boolean, low: boolean): number {
    const owed = this.#owed
    let total = 0
    let chosen = -1
    for (let level = 0; level < 4; level++) {
      const waits = level === 0 ? critical : level === 1 ? high : level === 2 ? normal : low
      if (!waits) {
        owed[level] = 0
        continue
      }
      const weight = weights[level] as number
      total += weight
      const now = (owed[level] as number) + weight
      owed[level] = now
      if (chosen === -1 || now > (owed[chosen] as number)) chosen = level
    }
    if (chosen !== -1) owed[chosen] = (owed[chosen] as number) - total
    return chosen
  }
}

/** A queue of four levels, first in first out inside each, whose levels take turns as `WeightedTurns` says. */
export class WeightedQueue<T> {
  readonly #turns = new WeightedTurns()
  readonly #critical = new Ring<T>()
  readonly #high = new Ring<T>()
  readonly #normal = new Ring<T>()
  readonly #low = new Ring<T>()

  get size(): number {
    return this.#critical.size + this.#high.size + this.#normal.size + this.#low.size
  }

  /** How many wait at one level, 0 critical … 3 low. */
  sizeOf(rank: number): number {
    return this.#level(rank).size
  }

  /** `rank`: 0 critical … 3 low; anything else counts as low. */
  push(item: T, rank: number): void {
    this.#level(rank).push(item)
  }

  shift(): T | undefined {
    const level = this.#turns.next(
      this.#critical.size > 0,
      this.#high.size > 0,
      this.#normal.size > 0,
      this.#low.size > 0,
    )
    return level === -1 ? undefined : this.#level(level).shift()
  }

  #level(rank: number): Ring<T> {
    return rank === 0 ? this.#critical : rank === 1 ? this.#high : rank === 2 ? this.#normal : this.#low
  }
}
