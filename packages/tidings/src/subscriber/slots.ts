/** Somebody who wants to run handlers. */
export interface Contender {
  /** 0 critical … 3 low. */
  readonly rank: number
  readonly running: number
  /** Called when a place is free; takes as many as it can use. */
  pump(): void
}

/**
 * The places in which this process runs handlers, shared by all its subscriptions. Each subscription keeps one place whatever the
 * others do; the rest go to the most urgent that waits.
 */
export class Slots {
  readonly #total: number
  #taken = 0
  readonly #waiting = new Set<Contender>()

  /** @param total Most handlers running at once in this process. */
  constructor(total: number) {
    this.#total = total
  }

  get taken(): number {
    return this.#taken
  }

  /** False when all places are taken: the contender is remembered and pumped when one is free. */
  take(contender: Contender): boolean {
    if (this.#taken >= this.#total && contender.running > 0) {
      this.#waiting.add(contender)
      return false
    }
    this.#taken++
    return true
  }

  release(): void {
    this.#taken--
    if (this.#waiting.size === 0 || this.#taken >= this.#total) return
    let next: Contender | undefined
    for (const contender of this.#waiting) if (next === undefined || contender.rank < next.rank) next = contender
    if (next === undefined) return
    // To the back of its own rank, so that equals take turns.
    this.#waiting.delete(next)
    next.pump()
  }

  forget(contender: Contender): void {
    this.#waiting.delete(contender)
  }
}
