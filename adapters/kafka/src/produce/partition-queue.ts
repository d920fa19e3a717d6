import { type EventRecord, streamText } from 'tidings/spi'

import type { OutTopic } from '../topics/topics.ts'
import { toMessage } from '../wire/message.ts'
import { batchHead, OutBatch, type Sequence } from '../wire/out-batch.ts'
import type { Flight } from './flight.ts'

/** An event in a batch: whose it is. */
export interface Entry {
  readonly flight: Flight
  readonly at: number
}

/** Events that travel to one partition together. */
export interface Parcel {
  readonly batch: OutBatch
  readonly entries: Entry[]
  /** When its first event was added, by the monotonic clock. */
  readonly since: number
  /** Given when it first leaves, and kept while nobody knows what became of it: so the broker recognises it. */
  sequence: Sequence | undefined
}

export interface Moment {
  /** Milliseconds since 1970. */
  readonly wall: number
  readonly monotonic: number
}

/** What waits in all queues together. */
export interface Load {
  bytes: number
}

/** The first events of a partition are few; later batches are about as large as those before were. */
const firstSize = 4_096

/** What waits for one partition, in order: parcels, to the last of which events are added as long as it has not left. */
export class PartitionQueue {
  readonly topic: OutTopic
  readonly partition: number
  /** Whose sequence `next` belongs to. */
  producerId = -1n
  /** The sequence number of the next event. */
  next = 0
  /** Monotonic milliseconds before which it is not tried again. */
  notBefore = 0
  /** Tries in a row that failed. */
  failures = 0
  readonly parcels: Parcel[] = []
  readonly #load: Load
  #usual = firstSize

  constructor(topic: OutTopic, partition: number, load: Load) {
    this.topic = topic
    this.partition = partition
    this.#load = load
  }

  /** Adds an event at the end. False: it is larger than a batch may be. Throws where it cannot be written as a CloudEvent. */
  add(entry: Entry, now: Moment): boolean {
    const message = toMessage(entry.flight.events[entry.at] as EventRecord)
    const last = this.parcels.at(-1)
    if (last !== undefined && last.sequence === undefined) {
      const before = last.batch.size
      if (last.batch.add(message)) {
        this.#load.bytes += last.batch.size - before
        last.entries.push(entry)
        return true
      }
    }
    // Brokers keep events by the time they came, not by the time they tell: an old event must not be removed at once for its age.
    const batch = new OutBatch(this.#limit, now.wall, Math.min(this.#limit, this.#usual))
    if (!batch.add(message)) return false
    this.#load.bytes += batch.size
    this.parcels.push({ batch, entries: [entry], since: now.monotonic, sequence: undefined })
    return true
  }

  /** Takes the first parcel out. */
  shift(): Parcel {
    const first = this.parcels.shift() as Parcel
    this.#load.bytes -= first.batch.size
    this.#usual = Math.max(firstSize, (this.#usual + first.batch.size) >> 1)
    return first
  }

  /**
   * The parcel that is next. What has its outcome before it ever left does not leave any more: whoever was told that nobody knows publishes
   * it again, and it must not overtake what stands before it then.
   */
  first(now: Moment): Parcel | undefined {
    for (let first = this.parcels[0]; first !== undefined; first = this.parcels[0]) {
      if (first.sequence !== undefined || !first.entries.some(({ flight, at }) => flight.ended(at))) return first
      const wanted = first.entries.filter(({ flight, at }) => !flight.ended(at))
      this.shift()
      if (wanted.length > 0) this.#pack(wanted, first, now)
    }
    return undefined
  }

  /** Puts the events of the first parcel, which the broker has not taken, into two. */
  split(now: Moment): void {
    const first = this.shift()
    const half = Math.ceil(first.entries.length / 2)
    for (const entries of [first.entries.slice(half), first.entries.slice(0, half)]) this.#pack(entries, first, now)
  }

  /** Puts events that have been in a batch into another, which is the first then. */
  #pack(entries: readonly Entry[], { batch: { size, limit }, since }: Parcel, now: Moment): void {
    const batch = new OutBatch(limit, now.wall, size)
    for (const { flight, at } of entries) batch.add(toMessage(flight.events[at] as EventRecord))
    this.#load.bytes += batch.size
    this.parcels.unshift({ batch, entries: [...entries], since, sequence: undefined })
  }

  get #limit(): number {
    return Math.max(this.topic.rules.maxBytes, batchHead)
  }

  /**
   * Gives up what waits behind events whose outcome is unknown and belongs to the same stream of the same call: it would overtake them when
   * they are published again.
   */
  giveUpBehind(failed: readonly Entry[], error: Error): void {
    const streams = new Map<Flight, Set<string>>()
    for (const { flight, at } of failed) {
      const own = streams.get(flight) ?? new Set<string>()
      streams.set(flight, own.add(streamText(flight.events[at] as EventRecord)))
    }
    for (const { entries, sequence } of this.parcels) {
      if (sequence !== undefined) continue
      for (const { flight, at } of entries) {
        if (streams.get(flight)?.has(streamText(flight.events[at] as EventRecord)) === true)
          flight.end(at, { status: 'unknown', error })
      }
    }
  }
}
