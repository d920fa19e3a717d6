import type { EventRecord, Outcome } from 'tidings/spi'

/** One event between `publish` and its outcome. */
export interface Entry {
  readonly record: EventRecord
  readonly stream: string
  readonly routingKey: string
  /** When its time is over, by the monotonic clock. */
  readonly deadline: number
  readonly answer: (outcome: Outcome) => void
  /** `waiting`: behind another of its stream. `ready`: may fly. `flying`: the broker has not confirmed it. */
  stage: 'waiting' | 'ready' | 'flying' | 'over'
  /** Whether its publisher has an outcome; a flying one may have been given up. */
  answered: boolean
  previous: Entry | undefined
  next: Entry | undefined
}

/**
 * The events of each stream, one behind the other: only the first may be on its way. A broker may take one event and refuse the one before;
 * sent together they could change places for good.
 */
export class Lines {
  readonly #last = new Map<string, Entry>()

  /** Whether the entry may fly at once. */
  join(entry: Entry): boolean {
    const last = this.#last.get(entry.stream)
    this.#last.set(entry.stream, entry)
    if (last === undefined) return true
    last.next = entry
    entry.previous = last
    return false
  }

  /** The first of a line is stored, or will never be. Returns who is first now. */
  leave(entry: Entry): Entry | undefined {
    entry.stage = 'over'
    const { next } = entry
    if (next === undefined) this.#last.delete(entry.stream)
    else next.previous = undefined
    entry.next = undefined
    return next
  }

  /** An entry may not have been stored: whoever stands behind it must not overtake it. The line ends before it; returns those behind. */
  cut(entry: Entry): Entry[] {
    const behind: Entry[] = []
    const { previous } = entry
    if (previous === undefined) this.#last.delete(entry.stream)
    else {
      previous.next = undefined
      this.#last.set(entry.stream, previous)
    }
    for (let next = entry.next; next !== undefined; next = next.next) behind.push(next)
    for (const one of [entry, ...behind]) {
      one.stage = 'over'
      one.previous = undefined
      one.next = undefined
    }
    return behind
  }
}
