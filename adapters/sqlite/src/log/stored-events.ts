import type { DatabaseSync, StatementSync } from 'node:sqlite'

import { LRUCache } from 'lru-cache'
import { type Position, type StoredEvent, streamText, TidingsError } from 'tidings/spi'

/** Streams whose names are remembered; a name never changes. */
const kept = 20_000

/** Names that one statement looks up. */
const together = 64

/** What `select` must name, in this order, for a row to become an event. */
export const eventColumns: string =
  'e.position, e.stream, e.stream_version, e.partition, e.id, e.source, e.type, e.version, e.time, e.priority, ' +
  'e.correlation, e.causation, e.encoding, e.checksum, e.seal, e.context, e.data'

/** A row of `eventColumns`. Arrays cost half of what objects do. */
export type EventRow = readonly [
  position: number,
  stream: number,
  streamVersion: number,
  partition: number,
  id: string,
  source: string,
  type: string,
  version: string,
  time: number,
  priority: number,
  correlation: string | null,
  causation: string,
  encoding: string,
  checksum: string,
  seal: string,
  context: string,
  data: string | Uint8Array,
]

interface Name {
  readonly tenant: string
  readonly category: string
  readonly key: string
  readonly text: string
}

/**
 * Makes events of rows. Names of streams are looked up apart, because a join costs as much as the rest of the row. They are
 * read outside of transactions alone, so what was remembered was committed and stays.
 */
export class StoredEvents {
  readonly #names = new LRUCache<number, Name>({ max: kept })
  readonly #select: StatementSync

  constructor(db: DatabaseSync) {
    const marks = Array.from({ length: together }, () => '?').join(', ')
    this.#select = db.prepare(`select id, tenant, category, key from tidings_streams where id in (${marks})`, {
      returnArrays: true,
    })
  }

  /** Throws TIDINGS_STORE_CORRUPT at the first row that belongs to no stream. */
  fromRows(rows: readonly EventRow[]): StoredEvent[] {
    // What this page needs is held apart, for what is remembered may be forgotten meanwhile.
    const names = new Map<number, Name>()
    let missing: number[] | undefined
    for (let at = 0; at < rows.length; at++) {
      const stream = (rows[at] as EventRow)[1]
      if (names.has(stream)) continue
      const name = this.#names.get(stream)
      if (name === undefined) (missing ??= []).push(stream)
      else names.set(stream, name)
    }
    if (missing !== undefined) this.#find(missing, names)
    const events = new Array<StoredEvent>(rows.length)
    for (let at = 0; at < rows.length; at++) {
      const row = rows[at] as EventRow
      const name = names.get(row[1])
      if (name === undefined) throw corruptEvent(row[0], 'it belongs to a stream that does not exist')
      events[at] = eventFrom(row, name)
    }
    return events
  }

  #find(streams: readonly number[], names: Map<number, Name>): void {
    for (let at = 0; at < streams.length; at += together) {
      const asked = streams.slice(at, at + together)
      while (asked.length < together) asked.push(asked[0] as number)
      for (const row of this.#select.all(...asked) as unknown as [number, string, string, string][]) {
        const [id, tenant, category, key] = row
        const name = { tenant, category, key, text: streamText({ tenant, category, key }) }
        names.set(id, name)
        this.#names.set(id, name)
      }
    }
  }
}

function eventFrom(row: EventRow, name: Name): StoredEvent {
  const id = row[4]
  return {
    position: row[0],
    streamVersion: row[2],
    record: {
      id,
      source: row[5],
      type: row[6],
      version: row[7],
      category: name.category,
      key: name.key,
      tenant: name.tenant,
      time: row[8],
      priority: row[9],
      correlation: row[10] ?? id,
      causation: row[11],
      context: row[15],
      data: row[16],
      encoding: row[12],
      checksum: row[13],
      seal: row[14],
    },
    stream: name.text,
    partition: row[3],
  }
}

/** `next`: the first position behind it that can be read again. */
export function corruptEvent(
  position: Position,
  why: string,
  options: { next?: Position; cause?: unknown } = {},
): TidingsError {
  const { next, cause } = options
  return new TidingsError(
    'TIDINGS_STORE_CORRUPT',
    `The event at position ${position} cannot be read: ${why}. Reading after it goes on.`,
    {
      cause,
      details: { table: 'tidings_events', position, ...(next !== undefined && { next }) },
    },
  )
}
