/** The last ids that were seen, and no more: the oldest is forgotten when a new one needs its place. */
export class RecentIds {
  readonly #most: number
  readonly #ids = new Set<string>()

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#ids.size
  }

  has(id: string): boolean {
    return this.#ids.has(id)
  }

  add(id: string): void {
    // Sets keep the order of insertion, so the first is the oldest.
    if (this.#ids.size >= this.#most && !this.#ids.has(id)) {
      const oldest = this.#ids.values().next()
      if (oldest.done !== true) this.#ids.delete(oldest.value)
    }
    this.#ids.add(id)
  }
}
