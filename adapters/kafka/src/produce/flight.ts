import type { EventRecord, Outcome } from 'tidings/spi'

/** One call of `publish`, which has an event at least: which of its events have an outcome, and whom to tell when all have. */
export class Flight {
  readonly events: readonly EventRecord[]
  readonly done: Promise<readonly Outcome[]>
  readonly #outcomes: (Outcome | undefined)[]
  #left: number
  #resolve: (outcomes: readonly Outcome[]) => void = () => {}

  readonly #over: (flight: Flight) => void

  /** @param over Called when all have one. */
  constructor(events: readonly EventRecord[], over: (flight: Flight) => void) {
    this.events = events
    this.#over = over
    this.#left = events.length
    this.#outcomes = new Array<Outcome | undefined>(events.length)
    this.done = new Promise((resolve) => {
      this.#resolve = resolve
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
    if (--this.#left > 0) return
    this.#over(this)
    this.#resolve(this.#outcomes as Outcome[])
  }

  /** What has no outcome yet is unknown, and stays so. */
  giveUp(error: Error): void {
    for (let at = 0; at < this.events.length; at++) this.end(at, { status: 'unknown', error })
  }

  /** Gives up when the signal aborts. */
  heed(signal: AbortSignal): void {
    const abort = (): void => this.giveUp(reasonOf(signal))
    if (signal.aborted) abort()
    else {
      signal.addEventListener('abort', abort, { once: true })
      void this.done.then(() => signal.removeEventListener('abort', abort))
    }
  }
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error
    ? signal.reason
    : new Error('Publishing was given up.', { cause: signal.reason })
}
