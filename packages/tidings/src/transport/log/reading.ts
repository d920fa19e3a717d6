import { isTidingsError } from '../../kernel/errors.ts'
import { sleep } from '../../kernel/runtime.ts'
import type { Host } from '../../store/adapter.ts'
import type { LogQuery, Position, Store } from '../../store/store.ts'
import type { Delivery, Offset, Sink } from '../transport.ts'
import { type Cursor, Cursors } from './cursors.ts'
import { asDelivery } from './recent-events.ts'
import type { TailClient, TailReader } from './tail-reader.ts'
import { Trouble } from './trouble.ts'
import type { Turn } from './turn.ts'

/** Most deliveries of one call to the sink. */
const most = 512

export interface ReadingOptions {
  readonly store: Store
  readonly host: Host
  readonly turn: Turn
  readonly tail: TailReader
  readonly sink: Pick<Sink, 'deliver' | 'scanned'>
  readonly topics: readonly string[] | undefined
  /** Events of one page. */
  readonly page: number
  /** Called once when reading cannot go on; nothing is delivered afterwards. */
  readonly failed: (cause: Error) => void
}

/**
 * What one consumer reads: its places, its credit, and the two ways to move on. Near the head it takes what the tail reader
 * keeps; behind it reads pages of its own, one at a time, each place in its turn, until it meets the tail. Places decide what
 * is delivered, so the way may change at any moment without a gap and without a duplicate.
 */
export class Reading implements TailClient {
  readonly #options: ReadingOptions
  readonly #cursors: Cursors
  readonly #topics: ReadonlySet<string> | undefined
  readonly #trouble: Trouble
  readonly #stop = new AbortController()
  /** Up to where each partition was last reported as scanned. */
  readonly #reported: Float64Array
  #credit = 0
  #scheduled = false
  #catchingUp = false
  #turnOf = 0

  constructor(options: ReadingOptions) {
    this.#options = options
    const { partitions } = options.store.capabilities
    this.#cursors = new Cursors(partitions)
    this.#reported = new Float64Array(partitions)
    this.#topics = options.topics === undefined ? undefined : new Set(options.topics)
    this.#trouble = new Trouble(options.host, 'a consumer catches up')
    options.tail.add(this)
  }

  get topics(): ReadonlySet<string> | undefined {
    return this.#topics
  }

  get cursors(): readonly Cursor[] {
    return this.#cursors.list
  }

  request(count: number): void {
    this.#credit += count
    this.#schedule()
  }

  start(partitions: readonly number[], offsets: readonly Offset[]): void {
    for (let at = 0; at < partitions.length; at++) this.#reported[partitions[at] as number] = offsets[at] as Offset
    this.#cursors.add(partitions, offsets)
    this.#schedule()
  }

  /** Delivers nothing more of a partition. */
  drop(partition: number): void {
    this.#cursors.drop(partition)
    this.#options.tail.narrow()
  }

  /** Ends all reading at once. */
  stop(): void {
    this.#credit = 0
    this.#cursors.clear()
    this.#stop.abort()
    this.#options.tail.remove(this)
  }

  get hungry(): boolean {
    if (this.#credit === 0) return false
    const { end } = this.#options.tail.recent
    return this.#cursors.list.some(
      (cursor, at) => cursor.near && cursor.place >= end && cursor.place < this.#cursors.limitOf(at),
    )
  }

  feed(): void {
    try {
      this.#feedAll()
    } catch (error) {
      this.end(error)
    }
  }

  end(cause: unknown): void {
    if (this.#stop.signal.aborted) return
    this.stop()
    this.#options.failed(cause instanceof Error ? cause : new Error('Reading failed.', { cause }))
  }

  #feedAll(): void {
    const { recent } = this.#options.tail
    this.#merge()
    for (let at = 0; at < this.#cursors.list.length && this.#credit > 0; at++) {
      const cursor = this.#cursors.list[at] as Cursor
      if (!cursor.near) continue
      const limit = this.#cursors.limitOf(at)
      if (cursor.place >= limit) continue
      if (cursor.place < recent.start) {
        cursor.near = false
        continue
      }
      const before = this.#cursors.changes
      if (!this.#feed(cursor, limit)) break
      this.#merge()
      if (this.#cursors.changes !== before) at = -1
    }
    this.#catchUp()
  }

  /** False: the turn of the event loop is spent and the rest was put off. */
  #feed(cursor: Cursor, limit: Position): boolean {
    const { tail, turn } = this.#options
    const { recent } = tail
    if (cursor.number < recent.first || cursor.number > recent.next || !this.#inStep(cursor))
      cursor.number = recent.numberAfter(cursor.place)
    for (;;) {
      const batch = this.#take(cursor, limit)
      if (batch.length > 0) {
        this.#credit -= batch.length
        this.#options.sink.deliver(batch)
      }
      if (cursor.number === recent.next || cursor.place >= limit) {
        this.#report(cursor)
        return true
      }
      if (this.#credit === 0) return true
      if (turn.spent()) {
        this.#schedule()
        return false
      }
    }
  }

  /** Whether the cursor's running number still belongs to its place. */
  #inStep(cursor: Cursor): boolean {
    const { recent } = this.#options.tail
    const { number } = cursor
    return (
      (number === recent.next || recent.at(number).offset > cursor.place) &&
      (number === recent.first || recent.at(number - 1).offset <= cursor.place)
    )
  }

  /** The next deliveries for a near cursor; moves it behind them and behind what does not concern it. */
  #take(cursor: Cursor, limit: Position): Delivery[] {
    const { recent } = this.#options.tail
    const { has } = cursor
    const topics = this.#topics
    const room = Math.min(this.#credit, most)
    const batch: Delivery[] = []
    let { number, place } = cursor
    for (const next = recent.next; ; number++) {
      if (number === next) {
        place = Math.max(place, Math.min(recent.end, limit))
        break
      }
      const delivery = recent.at(number)
      if (delivery.offset > limit) {
        place = limit
        break
      }
      if (has[delivery.partition] === 1 && (topics === undefined || topics.has(delivery.record?.category ?? ''))) {
        if (batch.length === room) break
        batch.push(delivery)
      }
      place = delivery.offset
    }
    cursor.number = number
    cursor.place = place
    return batch
  }

  #report(cursor: Cursor): void {
    const { place } = cursor
    for (const partition of cursor.partitions) {
      if (cursor.has[partition] !== 1 || (this.#reported[partition] as number) >= place) continue
      this.#reported[partition] = place
      this.#options.sink.scanned(partition, place)
    }
  }

  #merge(): void {
    for (const cursor of this.#cursors.merge()) this.#options.tail.adopt(this, cursor)
  }

  #schedule(): void {
    if (this.#scheduled || this.#credit === 0) return
    this.#scheduled = true
    this.#options.turn.soon(() => {
      this.#scheduled = false
      this.feed()
      this.#options.tail.want()
    })
  }

  // Behind the tail.

  #alone(): Cursor | undefined {
    if (this.#credit === 0) return undefined
    const list = this.#cursors.list
    const begun = list.find((cursor) => cursor.page !== undefined)
    if (begun !== undefined) return begun
    const from = this.#turnOf < list.length ? this.#turnOf : 0
    for (let step = 0; step < list.length; step++) {
      const at = (from + step) % list.length
      if (list[at]?.near === false) {
        this.#turnOf = at + 1
        return list[at]
      }
    }
    return undefined
  }

  #catchUp(): void {
    if (this.#catchingUp || this.#credit === 0 || !this.#cursors.list.some((cursor) => !cursor.near)) return
    this.#catchingUp = true
    void this.#run()
  }

  async #run(): Promise<void> {
    const { tail, turn } = this.#options
    try {
      for (;;) {
        this.#merge()
        const cursor = this.#alone()
        if (cursor === undefined) break
        if (cursor.page === undefined && tail.holds(this, cursor)) cursor.near = true
        else if (cursor.page === undefined) await this.#read(cursor)
        if (cursor.page !== undefined) this.#deliverPage(cursor)
        if (turn.spent()) await turn.next()
      }
    } catch (error) {
      this.end(error)
    }
    this.#catchingUp = false
    this.#schedule()
  }

  async #read(cursor: Cursor): Promise<void> {
    const { store, host } = this.#options
    const query = this.#query(cursor)
    cursor.reading = true
    try {
      const { events, through } = await store.readAll(query)
      this.#trouble.passed()
      const bounded = query.upTo !== undefined && through >= query.upTo
      cursor.page = { events, through, head: events.length < query.limit && !bounded, at: 0 }
    } catch (error) {
      if (isTidingsError(error, 'TIDINGS_CLOSED')) throw error
      await sleep(host.runtime, this.#trouble.failed(error), this.#stop.signal).catch(() => {})
    } finally {
      cursor.reading = false
    }
  }

  #query(cursor: Cursor): LogQuery {
    const limit = this.#cursors.limitOf(this.#cursors.list.indexOf(cursor))
    return {
      after: cursor.place,
      limit: this.#options.page,
      ...(limit !== Number.POSITIVE_INFINITY && { upTo: limit }),
      ...(cursor.partitions.length < cursor.has.length && { partitions: cursor.partitions }),
      ...(this.#options.topics !== undefined && { categories: this.#options.topics }),
    }
  }

  #deliverPage(cursor: Cursor): void {
    const page = cursor.page as NonNullable<Cursor['page']>
    while (this.#credit > 0) {
      const room = Math.min(this.#credit, most)
      const batch: Delivery[] = []
      for (; page.at < page.events.length; page.at++) {
        const event = page.events[page.at] as (typeof page.events)[number]
        if (cursor.has[event.partition] === 1) {
          if (batch.length === room) break
          batch.push(asDelivery(event))
        }
        cursor.place = event.position
      }
      const done = page.at === page.events.length
      if (done) {
        cursor.place = Math.max(cursor.place, page.through)
        cursor.page = undefined
      }
      if (batch.length > 0) {
        this.#credit -= batch.length
        this.#options.sink.deliver(batch)
      }
      if (done) {
        if (page.head && this.#cursors.list.includes(cursor)) this.#options.tail.adopt(this, cursor)
        this.#report(cursor)
        return
      }
      if (this.#options.turn.spent()) return
    }
  }
}
