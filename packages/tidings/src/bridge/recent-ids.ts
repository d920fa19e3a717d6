/** The last ids that were seen: at least half of `most`, and never more than that. */
export class RecentIds {
  readonly #half: number
  // Two generations, since taking the oldest out of a set means passing over all that went before it.
  #young = new Set<string>()
  #old: ReadonlySet<string> = new Set()

  /** @param most How many are remembered at most, 2 or more. */
  constructor(most: number) {
    this.#half = Math.max(1, Math.floor(most / 2))
  }

  has(id: string): boolean {
    return this.#young.has(id) || this.#old.has(id)
  }

  add(id: string): void {
    this.#young.add(id)
    if (this.#young.size < this.#half) return
    this.#old = this.#young
    this.#young = new Set()
  }
}
