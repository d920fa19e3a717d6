import type { DatabaseSync, StatementSync } from 'node:sqlite'

import type { StoredEvent, StreamName, StreamQuery } from 'tidings/spi'
import { limitOf } from '../limit-of.ts'
import { type EventRow, eventColumns, type StoredEvents } from './stored-events.ts'

const defaultLimit = 500

/** Reads streams. A stream with an event that cannot be read rejects as a whole: who folds it must not miss one silently. */
export class StreamReader {
  readonly #events: StoredEvents
  readonly #stream: StatementSync
  readonly #forward: StatementSync
  readonly #backward: StatementSync

  constructor(db: DatabaseSync, events: StoredEvents) {
    this.#events = events
    const one = { returnArrays: true }
    this.#stream = db.prepare('select id from tidings_streams where tenant = ? and category = ? and key = ?', one)
    const select = `select ${eventColumns} from tidings_events e where e.stream = ? and e.stream_version`
    this.#forward = db.prepare(`${select} >= ? order by e.stream_version limit ?`, one)
    this.#backward = db.prepare(`${select} <= ? order by e.stream_version desc limit ?`, one)
  }

  read({ tenant, category, key }: StreamName, query: StreamQuery): readonly StoredEvent[] {
    const found = this.#stream.get(tenant, category, key) as unknown as [number] | undefined
    if (found === undefined) return []
    const limit = limitOf(query.limit ?? defaultLimit)
    const rows =
      query.reverse === true
        ? this.#backward.all(found[0], query.from ?? Number.MAX_SAFE_INTEGER, limit)
        : this.#forward.all(found[0], query.from ?? 0, limit)
    return this.#events.fromRows(rows as unknown as EventRow[])
  }
}
