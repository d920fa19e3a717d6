import type { EventRecord, Outcome } from 'tidings/spi'

/** One call of `publish`: which of its events have an outcome, and whom to tell when all have. */
export class Flight {
  readonly events: readonly EventRecord[]
  readonly done: Promise<readonly Outcome[]>
  readonly #outcomes: (Outcome | undefined)[]
  #left: number
  #resolve: (outcomes: readonly Outcome[]) => void = () => {}

  constructor(events: readonly EventRecord[]) {
    this.events = events
    this.#left = events.length
    this.#outcomes = new Array<Outcome | undefined>(events.length)
    this.done = new Promise((resolve) => {
      this.#resolve = resolve
      if (this.#left === 0) resolve([])
    })
  }

  /** Whether an event has its outcome. */
  ended(at: number): boolean {
    return this.#outcomes[at] !== undefined
  }

  /** The first outcome of an event counts. */
  end(at: number, outcome: Outcome): void {
    if (this.#outcomes[at] !== undefined) return
    this.#outcomes[at] = outcome
    if (--this.#left === 0) this.#resolve(this.#outcomes as Outcome[])
  }

  /** What has no outcome yet is unknown, and stays so. */
  giveUp(error: Error): void {
    for (let at = 0; at < this.events.length; at++) this.end(at, { status: 'unknown', error })
  }
}
