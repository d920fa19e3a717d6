import type { Position, StoredEvent } from '../../store/store.ts'
import type { Delivery } from '../transport.ts'

/**
 * The last events that the tail reader saw, as deliveries that all consumers share. It covers the positions above `start` up to
 * and with `end` without a gap. Each event has a running number in here; those from `first` to before `next` are kept.
 */
export class RecentEvents {
  readonly #kept: (Delivery | undefined)[]
  readonly #mask: number
  readonly #size: number
  #start: Position = 0
  #end: Position = 0
  #first = 0
  #next = 0
  #last: Position = 0
  #generation = 0

  constructor(size: number) {
    let room = 1
    while (room < size) room *= 2
    this.#kept = new Array<Delivery | undefined>(room)
    this.#mask = room - 1
    this.#size = size
  }

  get start(): Position {
    return this.#start
  }

  get end(): Position {
    return this.#end
  }

  get first(): number {
    return this.#first
  }

  get next(): number {
    return this.#next
  }

  /** The position of the newest event ever taken in, also before a reset. */
  get last(): Position {
    return this.#last
  }

  /** Grows with each `reset`: a page asked for before one does not fit behind it. */
  get generation(): number {
    return this.#generation
  }

  at(number: number): Delivery {
    return this.#kept[number & this.#mask] as Delivery
  }

  /** The running number of the first kept event after a position. */
  numberAfter(position: Position): number {
    let low = this.#first
    let high = this.#next
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (this.at(middle).offset <= position) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Adds the page that follows `end`; the oldest make room. */
  append(events: readonly StoredEvent[], through: Position): void {
    for (const event of events) {
      if (this.#next - this.#first === this.#size) this.#start = this.at(this.#first++).offset
      this.#kept[this.#next++ & this.#mask] = asDelivery(event)
      if (event.position > this.#last) this.#last = event.position
    }
    if (through > this.#end) this.#end = through
  }

  /** Forgets everything and covers only what will follow a position. */
  reset(position: Position): void {
    this.#kept.fill(undefined)
    this.#first = this.#next
    this.#start = position
    this.#end = position
    this.#generation++
  }
}

export function asDelivery(event: StoredEvent): Delivery {
  return { partition: event.partition, offset: event.position, stream: event.stream, record: event.record }
}
