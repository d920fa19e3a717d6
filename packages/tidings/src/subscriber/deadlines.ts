import type { Runtime, Timer } from '../kernel/runtime.ts'

/** Something that must end in time. The links belong to `Deadlines`. */
export interface Deadlined {
  deadline: number
  earlier: Deadlined | undefined
  later: Deadlined | undefined
  expire(): void
}

/**
 * Watches many equal timeouts with one timer: what starts later expires later, so a linked list in order of start is
 * in order of deadline, and adding and removing cost a few pointers.
 */
export class Deadlines {
  readonly #runtime: Runtime
  readonly #timeout: number
  #first: Deadlined | undefined
  #last: Deadlined | undefined
  #timer: Timer | undefined

  constructor(runtime: Runtime, timeout: number) {
    this.#runtime = runtime
    this.#timeout = timeout
  }

  add(item: Deadlined): void {
    item.deadline = this.#runtime.monotonic() + this.#timeout
    item.earlier = this.#last
    item.later = undefined
    if (this.#last === undefined) this.#first = item
    else this.#last.later = item
    this.#last = item
    this.#timer ??= this.#runtime.setTimer(this.#timeout, this.#check)
  }

  /** Idempotent. */
  remove(item: Deadlined): void {
    if (this.#first !== item && item.earlier === undefined) return
    if (item.earlier === undefined) this.#first = item.later
    else item.earlier.later = item.later
    if (item.later === undefined) this.#last = item.earlier
    else item.later.earlier = item.earlier
    item.earlier = undefined
    item.later = undefined
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  readonly #check = (): void => {
    this.#timer = undefined
    const now = this.#runtime.monotonic()
    for (let item = this.#first; item !== undefined && item.deadline <= now; item = this.#first) {
      this.remove(item)
      item.expire()
    }
    if (this.#first !== undefined && this.#timer === undefined)
      this.#timer = this.#runtime.setTimer(this.#first.deadline - now, this.#check)
  }
}
