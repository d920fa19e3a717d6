/** Bytes of data that an inbox may hold, as far as sizes can be foreseen. */
const mostBytes = 67_108_864

/** How much an inbox may take in advance: what is asked for and what it holds are together never more than its window, and less where events are large. */
export class InboxCredit {
  readonly #window: number
  /** Deliveries that were asked for and have not arrived. */
  #owed = 0
  #held = 0
  /** Size of a delivery, as the last ones were. */
  #size = 1_024

  constructor(window: number) {
    this.#window = window
  }

  get held(): number {
    return this.#held
  }

  arrived(bytes: number): void {
    this.#owed--
    this.#held++
    // A large one counts at once, small ones little by little.
    this.#size = Math.max(1, bytes > this.#size ? bytes : this.#size + (bytes - this.#size) / 64)
  }

  released(count: number): void {
    this.#held -= count
  }

  /** How many to ask for now; 0: none. In halves, so that a busy inbox asks for batches rather than for single events. */
  ask(): number {
    const most = Math.max(1, Math.min(this.#window, Math.floor(mostBytes / this.#size)))
    const wanted = most - this.#owed - this.#held
    if (wanted <= 0 || (wanted < most / 2 && this.#owed > 0)) return 0
    this.#owed += wanted
    return wanted
  }
}
