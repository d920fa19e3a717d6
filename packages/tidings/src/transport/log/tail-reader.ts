import type { Timer } from '../../kernel/runtime.ts'
import type { Host } from '../../store/adapter.ts'
import type { LogQuery, Position, Store } from '../../store/store.ts'
import type { Cursor } from './cursors.ts'
import { LogPages } from './log-pages.ts'
import { RecentEvents } from './recent-events.ts'
import type { Turn } from './turn.ts'

export interface TailOptions {
  readonly store: Store
  readonly host: Host
  readonly turn: Turn
  /** Milliseconds between looks that nobody woke. */
  readonly poll: number
  /** Events kept. */
  readonly window: number
  /** Events of one page. */
  readonly page: number
}

/** A consumer's reading, as the tail reader sees it. */
export interface TailClient {
  readonly topics: ReadonlySet<string> | undefined
  readonly cursors: readonly Cursor[]
  /** Whether it could deliver more if only the tail reader read on. */
  readonly hungry: boolean
  /** Delivers what is kept, as far as credit allows. Never throws: one consumer's failure must not stop the others. */
  feed(): void
  /** The store can be read no more. */
  end(cause: unknown): void
}

/** What the tail reader asks the store for: the union of what those near the head want. Undefined: everything. */
interface Filter {
  readonly partitions: Uint8Array | undefined
  readonly topics: ReadonlySet<string> | undefined
}

/** After so many looks in vain nothing is going on, and they come so many times more seldom: an idle process should cost next to nothing. */
const soonAfter = 10
const atRest = 4

/**
 * Reads the head of the log once for all consumers of a transport. It reads on only while somebody who is near wants more than
 * it keeps, and only when a wake-up, the poll timer or a full page says that there may be more.
 */
export class TailReader {
  readonly recent: RecentEvents
  readonly #options: TailOptions
  readonly #readings = new Set<TailClient>()
  readonly #pages: LogPages
  #filter: Filter = { partitions: undefined, topics: undefined }
  #tooWide = false
  #mayBeMore = true
  #running = false
  #timer: Timer | undefined
  /** Looks in a row that have brought nothing. */
  #vain = 0
  #unwatch: (() => void) | undefined
  #rest = new AbortController()

  constructor(options: TailOptions) {
    this.#options = options
    this.recent = new RecentEvents(options.window)
    this.#pages = new LogPages(options.store, options.host, options.window, 'the tail is read')
  }

  add(reading: TailClient): void {
    this.#readings.add(reading)
    this.#unwatch ??= this.#options.store.watch(() => this.wake())
  }

  remove(reading: TailClient): void {
    this.#readings.delete(reading)
    this.#tooWide = true
    if (this.#readings.size > 0) return
    this.#unwatch?.()
    this.#unwatch = undefined
    this.#timer?.cancel()
    this.#timer = undefined
    this.#rest.abort()
    this.#rest = new AbortController()
  }

  /** Somebody has committed. */
  wake(): void {
    this.#mayBeMore = true
    this.want()
  }

  /** Somebody may want more. */
  want(): void {
    if (!this.#running && this.#readings.size > 0) void this.#run()
  }

  /** Some partition or consumer has gone. */
  narrow(): void {
    this.#tooWide = true
  }

  /** Whether what is kept continues a place without a gap. */
  holds(reading: TailClient, cursor: Cursor): boolean {
    this.#demote()
    return (
      this.#covers(reading, cursor) &&
      cursor.place >= this.recent.start &&
      cursor.place <= this.recent.end &&
      this.#nearest() !== undefined
    )
  }

  /** Takes over a cursor that has reached the head of the log, unless it has moved on beyond it in the meantime. */
  adopt(reading: TailClient, cursor: Cursor): void {
    cursor.near = false
    this.#demote()
    // A window that begins above the cursor although no event above it was seen stands beyond the end of the log, where somebody sought to.
    const beyond = this.recent.start > cursor.place && this.recent.last <= cursor.place
    if (beyond || this.#nearest() === undefined) {
      const filter: Filter = { partitions: whole(cursor) ? undefined : cursor.has.slice(), topics: reading.topics }
      this.#filter = beyond ? union(this.#filter, filter) : filter
      this.recent.reset(cursor.place)
    } else if (!this.#covers(reading, cursor)) {
      // What is kept lacks something that this one wants: begin anew at the end.
      this.#filter = union(this.#filter, { partitions: whole(cursor) ? undefined : cursor.has, topics: reading.topics })
      this.recent.reset(this.recent.end)
    }
    cursor.near = cursor.place >= this.recent.start
  }

  async #run(): Promise<void> {
    this.#running = true
    const { turn } = this.#options
    try {
      for (;;) {
        if (turn.spent()) await turn.next()
        if (!this.#hungry()) break
        if (!this.#mayBeMore) {
          this.#arm()
          break
        }
        await this.#read()
      }
    } catch (error) {
      for (const reading of this.#readings) reading.end(error)
    }
    this.#running = false
  }

  async #read(): Promise<void> {
    this.#demote()
    const lowest = this.#nearest()
    if (lowest !== undefined && lowest > this.recent.end) this.recent.reset(lowest)
    const { generation } = this.recent
    this.#mayBeMore = false
    const page = await this.#pages.read(this.#query(), this.#rest.signal)
    if (page === undefined || !page.head) this.#mayBeMore = true
    if (page === undefined) return
    this.#vain = page.events.length > 0 ? 0 : this.#vain + 1
    if (generation === this.recent.generation) this.recent.append(page.events, page.through)
    else this.#mayBeMore = true
    for (const reading of this.#readings) reading.feed()
  }

  #query(): LogQuery {
    if (this.#tooWide) this.#refilter()
    const { partitions, topics } = this.#filter
    return {
      after: this.recent.end,
      limit: this.#options.page,
      ...(partitions !== undefined && { partitions: listed(partitions) }),
      ...(topics !== undefined && { categories: [...topics] }),
    }
  }

  #refilter(): void {
    this.#tooWide = false
    let filter: Filter | undefined
    for (const reading of this.#readings) {
      for (const cursor of reading.cursors) {
        if (!cursor.near) continue
        const wanted: Filter = { partitions: whole(cursor) ? undefined : cursor.has.slice(), topics: reading.topics }
        filter = filter === undefined ? wanted : union(filter, wanted)
      }
    }
    if (filter !== undefined) this.#filter = filter
  }

  #covers(reading: TailClient, cursor: Cursor): boolean {
    const { partitions, topics } = this.#filter
    return (
      (partitions === undefined || cursor.partitions.every((partition) => partitions[partition] === 1)) &&
      (topics === undefined ||
        (reading.topics !== undefined && [...reading.topics].every((topic) => topics.has(topic))))
    )
  }

  /** The lowest place that what is kept can continue. */
  #nearest(): Position | undefined {
    let lowest: Position | undefined
    for (const reading of this.#readings) {
      for (const { near, place } of reading.cursors) {
        if (near && (lowest === undefined || place < lowest)) lowest = place
      }
    }
    return lowest
  }

  /** Whoever has fallen out of what is kept reads alone; it has no say in what is asked for any more. */
  #demote(): void {
    for (const reading of this.#readings) {
      for (const cursor of reading.cursors) if (cursor.near && cursor.place < this.recent.start) cursor.near = false
    }
  }

  #hungry(): boolean {
    for (const reading of this.#readings) if (reading.hungry) return true
    return false
  }

  #arm(): void {
    const wait = this.#vain < soonAfter ? this.#options.poll : this.#options.poll * atRest
    this.#timer ??= this.#options.host.runtime.setTimer(wait, () => {
      this.#timer = undefined
      this.wake()
    })
  }
}

function whole(cursor: Cursor): boolean {
  return cursor.partitions.length === cursor.has.length
}

function listed(partitions: Uint8Array): number[] {
  const list: number[] = []
  for (let partition = 0; partition < partitions.length; partition++)
    if (partitions[partition] === 1) list.push(partition)
  return list
}

function union(a: Filter, b: Filter): Filter {
  return {
    partitions:
      a.partitions === undefined || b.partitions === undefined
        ? undefined
        : a.partitions.map((has, at) => has | (b.partitions?.[at] as number)),
    topics: a.topics === undefined || b.topics === undefined ? undefined : new Set([...a.topics, ...b.topics]),
  }
}
