/** Runs calls one after another, in the order given. A call that fails does not stop those behind it. */
export class SinkCalls {
  #last: Promise<void> = Promise.resolve()
  #waiting = 0

  /** Calls at once where nothing is under way, else in its turn. */
  run(call: () => Promise<void> | void, failed: (error: unknown) => void): Promise<void> {
    if (this.#waiting === 0) return (this.#last = this.#begin(call, failed))
    this.#waiting++
    this.#last = this.#last.then(() => {
      this.#waiting--
      return this.#begin(call, failed)
    })
    return this.#last
  }

  /** Resolves when everything asked for so far has ended. */
  async ended(): Promise<void> {
    await this.#last
  }

  async #begin(call: () => Promise<void> | void, failed: (error: unknown) => void): Promise<void> {
    this.#waiting++
    try {
      await call()
    } catch (error) {
      failed(error)
    } finally {
      this.#waiting--
    }
  }
}
