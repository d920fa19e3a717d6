/** A first-in-first-out queue on a power-of-two ring: push and shift in O(1), no array that moves. */
export class Ring<T> {
  /** Empty until the first push: many rings of a busy process never hold anything. */
  #items: (T | undefined)[] = []
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#items[this.#head]
  }

  /** The item `index` places behind the head; undefined outside. */
  at(index: number): T | undefined {
    return index < 0 || index >= this.#size ? undefined : this.#items[(this.#head + index) & (this.#items.length - 1)]
  }

  /** Replaces the item at a place that is taken. */
  set(index: number, item: T): void {
    if (index >= 0 && index < this.#size) this.#items[(this.#head + index) & (this.#items.length - 1)] = item
  }

  push(item: T): void {
    if (this.#size === this.#items.length) this.#grow()
    this.#items[(this.#head + this.#size) & (this.#items.length - 1)] = item
    this.#size++
  }

  /** Puts an item in front of all others. */
  unshift(item: T): void {
    if (this.#size === this.#items.length) this.#grow()
    this.#head = (this.#head - 1) & (this.#items.length - 1)
    this.#items[this.#head] = item
    this.#size++
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#items.length - 1)
    this.#size--
    return item
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let at = 0; at < this.#size; at++) yield this.#items[(this.#head + at) & (this.#items.length - 1)] as T
  }

  #grow(): void {
    const items = new Array<T | undefined>(Math.max(4, this.#items.length * 2))
    for (let at = 0; at < this.#size; at++) items[at] = this.#items[(this.#head + at) & (this.#items.length - 1)]
    this.#items = items
    this.#head = 0
  }
}
