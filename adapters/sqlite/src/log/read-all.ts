import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'

import { LRUCache } from 'lru-cache'
import { isTidingsError, type LogQuery, type Page, type Position, type StoredEvent } from 'tidings/spi'
import { limitOf } from '../limit-of.ts'
import { isCorrupt } from '../sqlite-errors.ts'
import { headOf, headStatement } from './log-writer.ts'
import { corruptEvent, type EventRow, eventColumns, type StoredEvents } from './stored-events.ts'

/**
 * Most positions that one page looks at where filters may skip them: about ten milliseconds of the main thread. A page that
 * ends for this reason tells so by its `through`.
 */
const window = 20_000

/** Reads the log. Statements are kept by the shape of the query. */
export class LogReader {
  readonly #db: DatabaseSync
  readonly #events: StoredEvents
  readonly #head: StatementSync
  readonly #next: StatementSync
  readonly #statements = new LRUCache<string, StatementSync>({ max: 100 })

  constructor(db: DatabaseSync, events: StoredEvents) {
    this.#db = db
    this.#events = events
    this.#head = headStatement(db)
    this.#next = db.prepare('select position from tidings_events where position > ? order by position limit 1', {
      returnArrays: true,
    })
  }

  read(query: LogQuery): Page {
    const { after } = query
    const limit = limitOf(query.limit)
    // Read first: what is committed between the two statements lies above it, and is looked at next time.
    const head = Math.min(headOf(this.#head), query.upTo ?? Number.POSITIVE_INFINITY)
    if (limit === 0 || head <= after) return { events: [], through: after }
    if (isEmpty(query)) return { events: [], through: head }
    const { conditions, values, scans } = compile(query)
    const end = scans ? Math.min(head, this.#firstAfter(after, head) + window - 1) : head
    const statement = this.#prepare(conditions)
    return this.#page(statement, [...values, after, end, limit], { after, end, limit })
  }

  #page(statement: StatementSync, values: SQLInputValue[], { after, end, limit }: Bounds): Page {
    try {
      const rows = statement.all(...values) as unknown as EventRow[]
      const events = this.#events.fromRows(rows)
      return { events, through: rows.length < limit ? end : (events.at(-1) as StoredEvent).position }
    } catch (error) {
      if (!isCorrupt(error) && !isTidingsError(error, 'TIDINGS_STORE_CORRUPT')) throw error
      return this.#carefully(statement, values, after, error)
    }
  }

  /** What can be read before the row that cannot. If there is nothing, throws and says which row it is, and where to go on. */
  #carefully(statement: StatementSync, values: SQLInputValue[], after: Position, cause: unknown): Page {
    const events: StoredEvent[] = []
    try {
      for (const row of statement.iterate(...values))
        events.push(...this.#events.fromRows([row as unknown as EventRow]))
    } catch (error) {
      if (events.length === 0 && isTidingsError(error)) throw error
    }
    const through = events.at(-1)?.position
    if (through !== undefined) return { events, through }
    const next = this.#readableAfter(after)
    throw corruptEvent(after + 1, 'its place in the file is damaged', { cause, ...(next !== undefined && { next }) })
  }

  #readableAfter(position: Position): Position | undefined {
    // One by one at first, for a damaged page holds few; then in growing steps.
    for (let tried = 1, at = position + 1; at < Number.MAX_SAFE_INTEGER; tried++) {
      try {
        return (this.#next.get(at) as unknown as [Position] | undefined)?.[0]
      } catch (error) {
        if (!isCorrupt(error)) throw error
      }
      at += tried < 500 ? 1 : tried
      if (tried > 5_000) return undefined
    }
    return undefined
  }

  #firstAfter(position: Position, head: Position): Position {
    return (this.#next.get(position) as unknown as [Position] | undefined)?.[0] ?? head
  }

  #prepare(conditions: readonly string[]): StatementSync {
    const where = [...conditions, 'e.position > ?', 'e.position <= ?'].join(' and ')
    let statement = this.#statements.get(where)
    if (statement === undefined) {
      statement = this.#db.prepare(
        `select ${eventColumns} from tidings_events e where ${where} order by e.position limit ?`,
        { returnArrays: true },
      )
      this.#statements.set(where, statement)
    }
    return statement
  }
}

interface Bounds {
  readonly after: Position
  readonly end: Position
  readonly limit: number
}

/** Filters of which nothing can match. */
function isEmpty({ types, categories, partitions }: LogQuery): boolean {
  return types?.length === 0 || categories?.length === 0 || partitions?.length === 0
}

/** `scans`: no index leads to what is looked for, so events are passed over one by one. */
function compile(query: LogQuery): {
  readonly conditions: string[]
  readonly values: SQLInputValue[]
  readonly scans: boolean
} {
  const { id, correlation, causation, tenant, categories } = query
  const conditions: string[] = []
  const values: SQLInputValue[] = []
  const add = (condition: string, ...bound: readonly SQLInputValue[]): void => {
    conditions.push(condition)
    values.push(...bound)
  }
  if (id !== undefined) add('e.id = ?', id)
  if (correlation !== undefined)
    add('(e.correlation = ? or (e.correlation is null and e.id = ?))', correlation, correlation)
  if (causation !== undefined)
    add(
      causation === '' ? "e.causation = ''" : "(e.causation = ? and e.causation <> '')",
      ...(causation === '' ? [] : [causation]),
    )
  if (query.partitions !== undefined) add(`e.partition in (${marks(query.partitions)})`, ...query.partitions)
  if (query.types !== undefined) add(`e.type in (${marks(query.types)})`, ...query.types)
  if (query.from !== undefined) add('e.time >= ?', query.from)
  if (query.to !== undefined) add('e.time < ?', query.to)
  if (tenant !== undefined || categories !== undefined) {
    const of = ['s.id = e.stream']
    if (tenant !== undefined) of.push('s.tenant = ?')
    if (categories !== undefined) of.push(`s.category in (${marks(categories)})`)
    add(
      `exists (select 1 from tidings_streams s where ${of.join(' and ')})`,
      ...(tenant === undefined ? [] : [tenant]),
      ...(categories ?? []),
    )
  }
  const indexed = id !== undefined || correlation !== undefined || (causation ?? '') !== ''
  return { conditions, values, scans: conditions.length > 0 && !indexed }
}

function marks(list: readonly unknown[]): string {
  return list.map(() => '?').join(', ')
}
