import type { DatabaseSync, StatementSync } from 'node:sqlite'

import type { EventRecord, Placed, Position, StreamName } from 'tidings/spi'

import { EventRows } from './event-rows.ts'
import { Streams } from './streams.ts'

/** Appends to the log, inside a transaction that somebody else begins and ends. */
export class LogWriter {
  readonly #streams: Streams
  readonly #rows: EventRows
  readonly #head: StatementSync
  readonly #byId: StatementSync
  /** Undefined: to be read again. */
  #last: Position | undefined

  constructor(db: DatabaseSync, partitions: number) {
    this.#rows = new EventRows(db)
    this.#streams = new Streams(db, partitions, () => this.#rows.flush())
    this.#head = headStatement(db)
    this.#byId = db.prepare('select position, stream_version from tidings_events where id = ? and source = ?', {
      returnArrays: true,
    })
  }

  /** Owed when somebody else has written, and when anything we wrote was rolled back. */
  forget(): void {
    this.#last = undefined
    this.#rows.drop()
    this.#streams.forget()
  }

  versionOf(name: StreamName): number {
    return this.#streams.versionOf(name)
  }

  /** Owed before SQL of users runs, before a savepoint is set or released, and before COMMIT. */
  flush(): void {
    this.#rows.flush()
  }

  /** Undefined: none of them is stored. Their places: all are. `mixed`: some are, or one comes twice among them. */
  findRepeated(records: readonly EventRecord[], trusting: boolean): readonly Placed[] | 'mixed' | undefined {
    if (trusting && records.every(isFresh)) return undefined
    this.#rows.flush()
    const found: Placed[] = []
    for (const { id, source } of records) {
      const row = this.#byId.get(id, source) as unknown as [number, number] | undefined
      if (row !== undefined) found.push({ position: row[0], streamVersion: row[1] })
    }
    if (found.length === 0) return comesTwice(records) ? 'mixed' : undefined
    return found.length === records.length && !comesTwice(records) ? found : 'mixed'
  }

  append(records: readonly EventRecord[], trusting: boolean): readonly Placed[] {
    const placed = new Array<Placed>(records.length)
    let position = this.#last ?? headOf(this.#head)
    for (let at = 0; at < records.length; at++) {
      const record = records[at] as EventRecord
      const { id, source } = record
      const stream = this.#streams.open(record, trusting && record.fresh === true && record.key === id)
      const streamVersion = ++stream.version
      position++
      this.#rows.add(
        position,
        stream.id,
        streamVersion,
        stream.partition,
        id,
        source,
        record.type,
        record.version,
        record.time,
        record.priority,
        record.correlation === id ? null : record.correlation,
        record.causation,
        record.encoding,
        record.checksum,
        record.seal,
        record.context,
        record.data,
      )
      placed[at] = { position, streamVersion }
    }
    this.#last = position
    return placed
  }
}

/** Reads the last position that was ever given. What was pruned keeps its number, so none is given twice. */
export function headStatement(db: DatabaseSync): StatementSync {
  return db.prepare(
    `select max(ifnull((select max(position) from tidings_events), 0), (select value from tidings_meta where name = 'pruned'))`,
    { returnArrays: true },
  )
}

export function headOf(statement: StatementSync): Position {
  return (statement.get() as unknown as [number])[0]
}

function isFresh(record: EventRecord): boolean {
  return record.fresh === true
}

function comesTwice(records: readonly EventRecord[]): boolean {
  return records.length > 1 && new Set(records.map(({ id, source }) => `${source}\n${id}`)).size < records.length
}
