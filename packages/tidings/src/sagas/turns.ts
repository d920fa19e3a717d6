/**
 * One at a time for each name, in the order of asking. Events of one saga that are handled at once in this process wait for each other instead of beating
 * each other; between processes the version of the saga's document decides.
 */
export class Turns {
  readonly #last = new Map<string, Promise<void>>()

  /** Resolves with how to end the turn, once all earlier ones have ended. Ending it twice is harmless. */
  async take(name: string): Promise<() => void> {
    const before = this.#last.get(name)
    const turn = Promise.withResolvers<void>()
    this.#last.set(name, turn.promise)
    await before
    return () => {
      turn.resolve()
      if (this.#last.get(name) === turn.promise) this.#last.delete(name)
    }
  }
}
