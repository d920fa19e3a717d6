import { Ring } from 'tidings/spi'

/** What was published on a channel and not confirmed yet, by the number that the broker knows it by: the first is 1. */
export class Flights<Item> {
  readonly #ring = new Ring<Item | undefined>()
  /** Number of the ring's head. */
  #first = 1
  #size = 0

  get size(): number {
    return this.#size
  }

  begin(item: Item): void {
    this.#ring.push(item)
    this.#size++
  }

  /** Ends the flight with this number, or all up to it; calls for each that had not ended. */
  end(tag: number, multiple: boolean, each: (item: Item) => void): void {
    const at = Math.min(tag - this.#first, this.#ring.size - 1)
    for (let index = multiple ? 0 : tag - this.#first; index <= at; index++) {
      const item = this.#ring.at(index)
      if (item === undefined) continue
      this.#ring.set(index, undefined)
      this.#size--
      each(item)
    }
    while (this.#ring.size > 0 && this.#ring.peek() === undefined) {
      this.#ring.shift()
      this.#first++
    }
  }

  /** Those that had not ended, in order. */
  all(): Item[] {
    return [...this.#ring].filter((item) => item !== undefined)
  }
}
