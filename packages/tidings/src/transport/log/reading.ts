import type { Host } from '../../store/adapter.ts'
import type { LogQuery, Position, Store } from '../../store/store.ts'
import type { Delivery, Offset, Sink } from '../transport.ts'
import { type Cursor, Cursors } from './cursors.ts'
import { LogPages } from './log-pages.ts'
import type { TailClient, TailReader } from './tail-reader.ts'
import { inStep, takeOwn, takeRecent } from './take.ts'
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
  /** Whether everything is delivered in the order of the log, over all partitions: then only the lowest place moves. */
  readonly inOrder: boolean
  /** Events of one page. */
  readonly page: number
  /** Positions within which the head of the log counts as reached. */
  readonly near: number
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
  readonly #pages: LogPages
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
    this.#pages = new LogPages(options.store, options.host, options.near, 'a consumer catches up')
    options.tail.add(this)
  }

  get topics(): ReadonlySet<string> | undefined {
    return this.#topics
  }

  get cursors(): readonly Cursor[] {
    return this.#cursors.list
  }

  /** Those that may be read now. */
  get #moving(): readonly Cursor[] {
    const { list } = this.#cursors
    return this.#options.inOrder ? list.slice(0, 1) : list
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
    return this.#moving.some(
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
    for (let at = 0; at < this.#moving.length && this.#credit > 0; at++) {
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
    if (!inStep(recent, cursor)) cursor.number = recent.numberAfter(cursor.place)
    for (;;) {
      this.#deliver(takeRecent(recent, cursor, limit, Math.min(this.#credit, most), this.#topics))
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
    const list = this.#moving
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
    if (this.#catchingUp || this.#credit === 0 || !this.#moving.some((cursor) => !cursor.near)) return
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
    cursor.reading = true
    try {
      const page = await this.#pages.read(this.#query(cursor), this.#stop.signal)
      if (page !== undefined) cursor.page = { ...page, at: 0 }
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
    const { head } = cursor.page as NonNullable<Cursor['page']>
    while (this.#credit > 0) {
      this.#deliver(takeOwn(cursor, Math.min(this.#credit, most)))
      if (cursor.page === undefined) {
        if (head && this.#cursors.list.includes(cursor)) this.#options.tail.adopt(this, cursor)
        this.#report(cursor)
        return
      }
      if (this.#options.turn.spent()) return
    }
  }

  #deliver(batch: readonly Delivery[]): void {
    if (batch.length === 0) return
    this.#credit -= batch.length
    this.#options.sink.deliver(batch)
  }
}
