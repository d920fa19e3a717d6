import {
  type Delivery,
  type Host,
  type LogReading,
  type Offset,
  type Sink,
  type SubscribeOptions,
  streamText,
  type Timer,
  type Turn,
} from 'tidings/spi'

import type { Link } from '../connection/link.ts'
import { filtersOf, textOf } from '../stream/subjects.ts'
import { copyOf, decodeEvent } from '../wire/decode-event.ts'
import { heartbeat, PartitionReader, type WaitingMessage } from './partition-reader.ts'
import type { StreamWatch } from './stream-watch.ts'

export interface NatsReadingOptions {
  readonly link: Link
  readonly host: Host
  readonly turn: Turn
  readonly watch: StreamWatch
  readonly stream: string
  readonly subscribe: SubscribeOptions
  readonly sink: Pick<Sink, 'deliver' | 'scanned'>
  readonly prefetch: number
  readonly prefetchBytes: number
  /** Called once when reading cannot go on; nothing is delivered afterwards. */
  readonly failed: (cause: Error) => void
}

/** Most deliveries of one call to the sink, and of one partition in it. */
const most = 512
const mostOfOne = 128
/** Milliseconds between two looks at how far the stream has got. */
const lookEvery = 1_000
/** Requests of one look that are under way at once. */
const abreast = 32

/** What one consumer reads: a reader for each partition, from which it delivers in turn what was requested. */
export class NatsReading implements LogReading {
  readonly #options: NatsReadingOptions
  readonly #readers = new Map<number, PartitionReader>()
  readonly #stopListening: () => void
  /** Which stream it reads: places mean nothing in another. */
  readonly #created: string
  #credit = 0
  #scheduled = false
  #stopped = false
  #turnOf = 0
  #looking: Timer | undefined
  #checking: Timer | undefined

  constructor(options: NatsReadingOptions) {
    this.#options = options
    this.#created = options.watch.created
    this.#stopListening = options.link.listen({
      up: () => this.#reconnect(),
      down: () => this.#reconnect(),
      over: (cause) => this.#fail(cause),
    })
    this.#look()
    this.#check()
  }

  request(count: number): void {
    if (this.#stopped) return
    this.#credit += count
    this.#schedule()
  }

  start(partitions: readonly number[], offsets: readonly Offset[]): void {
    if (this.#stopped) return
    const readers = partitions.map((partition) => this.#reader(partition))
    void this.#place(readers, offsets)
  }

  drop(partition: number): void {
    this.#readers.get(partition)?.stop()
    this.#readers.delete(partition)
  }

  stop(): void {
    this.#stopped = true
    this.#credit = 0
    this.#stopListening()
    this.#looking?.cancel()
    this.#checking?.cancel()
    for (const reader of this.#readers.values()) reader.stop()
    this.#readers.clear()
  }

  #reader(partition: number): PartitionReader {
    const { link, host, stream, subscribe, prefetch, prefetchBytes } = this.#options
    const reader = new PartitionReader({
      link,
      host,
      stream,
      partition,
      filters: filtersOf(stream, subscribe.topics, partition),
      group: subscribe.group,
      share: () => ({
        events: Math.max(16, Math.floor(prefetch / this.#readers.size)),
        bytes: Math.max(65_536, Math.floor(prefetchBytes / this.#readers.size)),
      }),
      arrived: () => this.#schedule(),
      refused: (error) => this.#refused(error),
    })
    this.drop(partition)
    this.#readers.set(partition, reader)
    return reader
  }

  /** Lets readers begin; where the stream ends before an offset it was made anew, and the offset means nothing. */
  async #place(readers: readonly PartitionReader[], offsets: readonly Offset[]): Promise<void> {
    const { watch, subscribe, sink } = this.#options
    try {
      const beyond = Math.max(...offsets)
      const end = beyond <= watch.seen ? beyond : await this.#end()
      for (const [at, reader] of readers.entries()) {
        if (this.#readers.get(reader.partition) !== reader) continue
        const offset = offsets[at] as Offset
        if (offset <= end) reader.begin(offset)
        else {
          const start = subscribe.start === 'end' ? end : 0
          sink.scanned(reader.partition, start)
          reader.begin(start)
        }
      }
    } catch (error) {
      this.#refused(error)
      if (this.#stopped) return
      const { host } = this.#options
      host.runtime.setTimer(200 * (0.5 + host.runtime.random() / 2), () => {
        if (!this.#stopped) void this.#place(readers, offsets)
      })
    }
  }

  #reconnect(): void {
    for (const reader of this.#readers.values()) reader.reconnect()
    if (this.#options.link.up) void this.#lookNow()
  }

  #refused(error: unknown): boolean {
    const cause = this.#options.watch.refusal(error)
    if (cause !== undefined) this.#fail(cause)
    return this.#stopped
  }

  #fail(cause: Error): void {
    if (this.#stopped) return
    this.stop()
    this.#options.failed(cause)
  }

  // Delivering.

  #schedule(): void {
    if (this.#scheduled || this.#credit === 0) return
    this.#scheduled = true
    this.#options.turn.soon(() => {
      this.#scheduled = false
      this.#deliver()
    })
  }

  #deliver(): void {
    const { turn, sink, link } = this.#options
    while (this.#credit > 0 && !link.dead) {
      const batch = this.#take(Math.min(this.#credit, most))
      if (batch.length === 0) return
      this.#credit -= batch.length
      sink.deliver(batch)
      if (turn.spent()) {
        this.#schedule()
        return
      }
    }
  }

  /** Some of each partition that has any, beginning with another one each time. */
  #take(room: number): Delivery[] {
    const now = this.#options.host.runtime.now()
    const batch: Delivery[] = []
    const readers = [...this.#readers.values()]
    const first = this.#turnOf++
    for (let step = 0; step < readers.length && batch.length < room; step++) {
      const reader = readers[(first + step) % readers.length] as PartitionReader
      const most = Math.min(room, batch.length + mostOfOne)
      let message: WaitingMessage | undefined
      while (batch.length < most && (message = reader.take()) !== undefined)
        batch.push(deliveryOf(reader.partition, message, now))
      reader.refill()
    }
    return batch
  }

  // How far the stream has got, and whether the server is still there.

  #look(): void {
    this.#looking = this.#options.host.runtime.setTimer(lookEvery, () => {
      void this.#lookNow().finally(() => {
        if (!this.#stopped) this.#look()
      })
    })
  }

  #check(): void {
    this.#checking = this.#options.host.runtime.setTimer(heartbeat, () => {
      for (const reader of this.#readers.values()) reader.check()
      if (!this.#stopped) this.#check()
    })
  }

  /**
   * Tells the sink how far it has looked: where the last message of a partition is one that it was given, or none, it has seen everything up
   * to the end that the stream had before that was asked.
   */
  async #lookNow(): Promise<void> {
    try {
      if (this.#readers.size === 0 || !this.#options.link.up) return
      const end = await this.#end()
      const idle = [...this.#readers.values()].filter(
        ({ running, reported, waiting }) => running && waiting === 0 && reported < end,
      )
      for (let at = 0; at < idle.length; at += abreast)
        await Promise.all(idle.slice(at, at + abreast).map((reader) => this.#scan(reader, end)))
    } catch (error) {
      this.#refused(error)
    }
  }

  /** Where the stream ends; rejects where it is another one than this has read. */
  async #end(): Promise<Offset> {
    const { watch } = this.#options
    const end = await watch.end()
    if (watch.created !== this.#created) throw watch.gone()
    return end
  }

  async #scan(reader: PartitionReader, end: Offset): Promise<void> {
    if (reader.place < end) {
      const last = await this.#options.watch.lastOf(reader.filters)
      if (last > reader.place) return
    }
    if (this.#stopped || this.#readers.get(reader.partition) !== reader || reader.waiting > 0) return
    if (!reader.running || reader.reported >= end) return
    reader.reported = end
    reader.passTo(end)
    this.#options.sink.scanned(reader.partition, end)
  }
}

function deliveryOf(partition: number, message: WaitingMessage, now: number): Delivery {
  const { offset, subject, body } = message
  const record = decodeEvent(message, now)
  if (record !== undefined) return { partition, offset, stream: streamText(record), record }
  const stream = streamText({ tenant: '', category: textOf(subject.split('.')[1] ?? ''), key: '' })
  return { partition, offset, stream, record: undefined, raw: copyOf(body) }
}
