import type { Item } from './lane.ts'

/** How much a subscription may take in advance: what is asked for and what is held are together never more than its window. */
export class Credit {
  readonly #window: number
  /** Deliveries that were asked for and have not arrived. */
  #owed = 0
  /** Live events in lanes. */
  #held = 0

  constructor(window: number) {
    this.#window = window
  }

  get held(): number {
    return this.#held
  }

  /** Nothing new is taken before something that is held has ended. */
  get full(): boolean {
    return this.#held >= this.#window
  }

  arrived(): void {
    this.#owed--
  }

  hold(item: Item): void {
    item.held = true
    this.#held++
  }

  /** Idempotent. */
  free(item: Item): void {
    if (!item.held) return
    item.held = false
    this.#held--
  }

  /** How many to ask for now; 0: none. In halves of the window, so that a busy subscription asks for batches rather than for single events. */
  ask(): number {
    const wanted = this.#window - this.#owed - this.#held
    if (wanted <= 0 || (wanted < this.#window / 2 && this.#owed > 0)) return 0
    this.#owed += wanted
    return wanted
  }
}
