/** Something a bag may hold. The place belongs to the bag. */
export interface Bagged {
  /** Where it lies; -1 while it is in no bag. */
  place: number
}

/**
 * A set of objects in no order, for what comes and goes with every event: adding and deleting move one pointer. A `Set` would do,
 * but it copies itself every few deletions, and each copy that has grown old holds on to all that the next one held, so that
 * the collector moves every event through memory twice.
 */
export class Bag<T extends Bagged> {
  readonly #items: T[] = []

  get size(): number {
    return this.#items.length
  }

  add(item: T): void {
    if (item.place !== -1) return
    item.place = this.#items.push(item) - 1
  }

  /** Idempotent. */
  delete(item: T): boolean {
    const { place } = item
    if (place === -1 || this.#items[place] !== item) return false
    const last = this.#items.pop() as T
    if (last !== item) {
      this.#items[place] = last
      last.place = place
    }
    item.place = -1
    return true
  }

  /** As they are now; what is added or deleted meanwhile changes nothing. */
  all(): T[] {
    return this.#items.slice()
  }
}
