import { type LogQuery, type Page, type Position, type StoredEvent, TidingsError } from 'tidings/spi'

import type { Connection, Reply } from '../../connection/connection.ts'
import { storeGone } from '../../connection/redis-errors.ts'
import type { StoreKeys } from '../store-keys.ts'
import { isEmptyQuery, matches, scanFilters } from './log-filters.ts'
import { scanScript } from './scan-script.ts'
import { eventsOf } from './stored-entry.ts'

const during = 'Reading the log'

/** Entries that one script looks at: about two milliseconds in which the server does nothing else. */
const oneScan = 1_024

/** Entries that one page looks at where something was found, and where nothing was: afterwards it ends, and tells so by its `through`. */
const mostLooked = 8_192
const mostLookedInVain = 65_536

/** Bytes of entries of one answer of a script, and of one page. */
const answerBytes = 4_194_304
const pageBytes = 33_554_432

/** What an entry takes beside its event, at most. */
const beside = 4_000

/** Reads the log, by scripts where filters choose. A log that is not the one that was opened is not read: places in it mean nothing here. */
export class LogReader {
  readonly #connection: Connection
  readonly #keys: StoreKeys
  readonly #partitions: number
  readonly #born: string
  /** The largest event that the log has ever held, in bytes, as last heard of. */
  #largest: number | undefined

  constructor(connection: Connection, keys: StoreKeys, partitions: number, born: string) {
    this.#connection = connection
    this.#keys = keys
    this.#partitions = partitions
    this.#born = born
  }

  async read(query: LogQuery): Promise<Page> {
    const { after, limit } = query
    if (!(limit > 0)) return { events: [], through: after }
    if (isEmptyQuery(query))
      return { events: [], through: Math.max(after, Math.min(await this.#head(), upToOf(query))) }
    if (query.id !== undefined) return this.#readById(query, query.id)
    const filters = scanFilters(query, this.#partitions)
    if (filters.length > 0) return this.#scan(query, filters)
    // Where events may be large, a script sees to it that an answer does not hold too many.
    if (this.#largest === undefined) await this.#head()
    return limit * ((this.#largest ?? 0) + beside) > pageBytes ? this.#scan(query, []) : this.#readAll(query)
  }

  async #head(): Promise<Position> {
    const facts = await this.#connection.send(['HMGET', this.#keys.meta, 'position', 'largest', 'born'], during)
    const [position, largest, born] = facts as readonly (string | null)[]
    if (born !== this.#born) throw storeGone(during)
    this.#largest = Number(largest)
    return Number(position)
  }

  async #readAll({ after, limit, upTo }: LogQuery): Promise<Page> {
    if (upTo !== undefined && upTo <= after) return { events: [], through: after }
    const end = upTo === undefined ? '+' : String(Math.floor(upTo))
    // The head is asked for first: whatever stands at or below it is in the answer that follows.
    const [head, entries] = await Promise.all([
      this.#head(),
      this.#connection.send(['XRANGE', this.#keys.log, String(after + 1), end, 'COUNT', String(limit)], during),
    ])
    const events = eventsOf(entries as readonly Reply[])
    const last = events.at(-1)?.position ?? after
    if (events.length < (entries as readonly Reply[]).length || events.length >= limit) return { events, through: last }
    return { events, through: Math.max(last, Math.min(head, upTo ?? head)) }
  }

  async #scan(query: LogQuery, filters: readonly string[]): Promise<Page> {
    const events: StoredEvent[] = []
    let through = query.after
    for (let looked = 0, bytes = 0; events.length < query.limit && bytes < pageBytes; ) {
      const args = [through, upToOf(query), query.limit - events.length, oneScan, answerBytes].map(String)
      const reply = await this.#connection.run(
        scanScript,
        [this.#keys.log, this.#keys.meta],
        [...args, '', this.#born, ...filters],
        during,
      )
      const [end, count, entries] = reply as readonly [string, number, readonly Reply[]]
      const page = readable(entries, events)
      for (const event of page) {
        bytes += event.record.data.length
        if (matches(event, query)) events.push(event)
      }
      if (page.length < entries.length) return { events, through: (page.at(-1) as StoredEvent).position }
      if (Number(end) <= through || count === 0) return { events, through: Math.max(through, Number(end)) }
      through = Number(end)
      looked += count
      if (filters.length > 0 && looked >= (events.length === 0 ? mostLookedInVain : mostLooked)) break
    }
    return { events, through }
  }

  async #readById(query: LogQuery, id: string): Promise<Page> {
    const head = Math.max(query.after, Math.min(await this.#head(), upToOf(query)))
    const lines = await this.#connection.send(['HGET', this.#keys.ids, id], during)
    if (typeof lines !== 'string') return { events: [], through: head }
    const positions = lines
      .split('\n')
      .map((line) => line.slice(0, line.indexOf(' ')))
      .filter((position) => Number(position) > query.after && Number(position) <= head)
    const found = await Promise.all(
      positions.map((position) =>
        this.#connection.send(['XRANGE', this.#keys.log, position, position, 'COUNT', '1'], during),
      ),
    )
    const events = eventsOf(found.flat() as readonly Reply[]).filter((event) => matches(event, query))
    const page = events.toSorted((a, b) => a.position - b.position).slice(0, query.limit)
    return { events: page, through: page.length < events.length ? (page.at(-1) as StoredEvent).position : head }
  }
}

/** What comes before the first entry that cannot be read. Throws for a damaged one only where the page holds nothing else. */
function readable(entries: readonly Reply[], before: readonly StoredEvent[]): readonly StoredEvent[] {
  try {
    return eventsOf(entries)
  } catch (error) {
    if (before.length === 0 || !(error instanceof TidingsError)) throw error
    return []
  }
}

function upToOf({ upTo }: LogQuery): number {
  return upTo === undefined ? Number.MAX_SAFE_INTEGER : Math.min(Number.MAX_SAFE_INTEGER, Math.floor(upTo))
}
