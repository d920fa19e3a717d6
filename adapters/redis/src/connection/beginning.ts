/**
 * What must be done on each new connection before anything is written on it.
 *
 * owed → under way → done, back to owed where it fails, and under way again with each new connection.
 */
export class Beginning {
  readonly #work: () => Promise<unknown>
  #underWay: Promise<void> | undefined
  #done = false

  /** @param work Sends what it sends at once, so that it comes before all that is asked for later. */
  constructor(work: () => Promise<unknown>) {
    this.#work = work
  }

  /** There is a new connection: begins at once. */
  renew(): void {
    this.forget()
    // Whoever writes next meets the failure, and tries again.
    this.ready()?.catch(() => {})
  }

  /** What was done on this connection counts no longer. */
  forget(): void {
    this.#done = false
    this.#underWay = undefined
  }

  /** Undefined: it is done. Else resolves when it may be, and is to be asked again; rejects where it has failed, and the next call tries again. */
  ready(): Promise<void> | undefined {
    if (this.#done) return undefined
    this.#underWay ??= this.#try()
    return this.#underWay
  }

  #try(): Promise<void> {
    const underWay: Promise<void> = this.#work().then(
      () => {
        if (this.#underWay === underWay) this.#done = true
      },
      (error: unknown) => {
        if (this.#underWay === underWay) this.#underWay = undefined
        throw error
      },
    )
    return underWay
  }
}
