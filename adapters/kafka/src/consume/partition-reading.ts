import { type Delivery, type Offset, streamText } from 'tidings/spi'

import type { Client } from '../client/load-client.ts'
import { BatchReader, endOfBatches, type InRecord, type Unreadable } from '../wire/batch-reader.ts'
import type { FetchedPartition } from '../wire/fetch-answer.ts'
import { fromRecord } from '../wire/message.ts'
import type { Place } from './assignment.ts'

export interface ReadingStart {
  readonly place: Place
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  /** What the partition is called by the port. */
  readonly number: number
  /** The port's offset after which to read: the same as Kafka's offset of the next record. */
  readonly offset: Offset
  /** What the sink knows to be looked at; -1: nothing. */
  readonly known: Offset
}

/** How far one partition is read: what has been fetched and not been delivered, and where the next fetch begins. */
export class PartitionReading {
  readonly start: ReadingStart
  /** Kafka's offset of the next record to fetch. */
  next: number
  /** Bytes fetched and not yet delivered. */
  bytes = 0
  /** The partition's end when it was last fetched; Infinity: never. */
  end: number = Number.POSITIVE_INFINITY
  /** False while its place is being looked for. */
  placed = true
  /** Failures in a row. */
  failures = 0
  /** Monotonic milliseconds before which it is not fetched again. */
  notBefore = 0
  readonly #client: Client
  #fetched: { readonly reader: BatchReader; readonly bytes: number }[] = []
  /** Everything below was delivered or passed over. */
  #place: number
  #reported: Offset
  /** Where bytes could not be read, and were fetched again. */
  #doubtful = -1

  constructor(client: Client, start: ReadingStart) {
    this.#client = client
    this.start = start
    this.next = start.offset
    this.#place = start.offset
    this.#reported = start.known
  }

  /** Whether something waits for delivery. */
  get ready(): boolean {
    return this.#fetched.length > 0
  }

  /** Reads on from another place; forgets what was fetched. */
  seek(offset: Offset): void {
    this.#reset(offset)
    this.#reported = offset
  }

  /** The place that was asked for does not exist; this one does. */
  move(offset: Offset): void {
    this.#reset(offset)
  }

  #reset(offset: Offset): void {
    this.#fetched = []
    this.bytes = 0
    this.next = offset
    this.#place = offset
    this.end = Number.POSITIVE_INFINITY
  }

  /** What a fetch from `next` has brought. */
  accept({ records, aborted, stable }: FetchedPartition): void {
    this.failures = 0
    this.end = stable
    const end = endOfBatches(records)
    if (end === undefined) return
    this.#fetched.push({
      reader: new BatchReader(this.#client, { bytes: records, from: this.next, aborted }),
      bytes: records.length,
    })
    this.bytes += records.length
    this.next = Math.max(this.next, end)
  }

  /** Adds deliveries until there are `most` or nothing is left. */
  take(into: Delivery[], most: number, now: () => number): void {
    while (into.length < most) {
      const [first] = this.#fetched
      if (first === undefined) return
      const record = first.reader.take()
      if (record === undefined) {
        this.#fetched.shift()
        this.bytes -= first.bytes
        this.#place = Math.max(this.#place, first.reader.next)
      } else if ('unreadable' in record && this.#doubtful !== record.offset) {
        // Perhaps it was damaged on its way.
        this.#doubtful = record.offset
        this.#reset(this.#place)
      } else {
        this.#place = record.offset + 1
        into.push(this.#deliveryOf(record, now))
      }
    }
  }

  #deliveryOf(record: InRecord | Unreadable, now: () => number): Delivery {
    const { number, topic, partition } = this.start
    // Offsets of the port begin at 1.
    const place = { partition: number, offset: record.offset + 1 }
    if ('unreadable' in record) {
      const stream = streamText({ tenant: '', category: topic, key: `${partition}` })
      return { ...place, stream, record: undefined, raw: record.unreadable }
    }
    const event = fromRecord(record, now())
    if (event !== undefined) return { ...place, stream: streamText(event), record: event }
    // Whoever wrote it may have meant its key as a stream: what cannot be read is not to be overtaken by what has the same.
    const key = printable(record.key?.toString() ?? `${partition}`)
    return {
      ...place,
      stream: streamText({ tenant: '', category: topic, key }),
      record: undefined,
      raw: Uint8Array.from(record.value ?? []),
    }
  }

  /** Up to where there is nothing more for now, where that is further than was said before. */
  report(): Offset | undefined {
    if (this.ready || !this.placed || this.next < this.end) return undefined
    this.#place = Math.max(this.#place, this.next)
    if (this.#place <= this.#reported) return undefined
    this.#reported = this.#place
    return this.#place
  }
}

/** No part of a stream's name may hold control characters. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return text.slice(0, 500).replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd')
}
