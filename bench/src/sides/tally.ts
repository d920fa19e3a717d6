/** Counts what handlers have finished. */
export class Tally {
  count = 0
  /** Called for each, with the key of its event. */
  heard: ((key: string) => void) | undefined
  #wanted = Number.POSITIVE_INFINITY
  #reached: (() => void) | undefined

  add(key = ''): void {
    this.heard?.(key)
    if (++this.count >= this.#wanted) this.#reached?.()
  }

  /** Resolves in the moment when the count gets there. */
  reach(total: number): Promise<void> {
    if (this.count >= total) return Promise.resolve()
    return new Promise((resolve) => {
      this.#wanted = total
      this.#reached = () => {
        this.#wanted = Number.POSITIVE_INFINITY
        resolve()
      }
    })
  }
}
