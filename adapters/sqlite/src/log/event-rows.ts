import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'

const columns = 17

/** Rows that one statement inserts: a tenth less work a row than one by one; with more of them that is lost again. */
const together = 8

/** Rows on their way into the log. They are gathered and written eight at a time; whoever reads the table must `flush` first. */
export class EventRows {
  readonly #one: StatementSync
  readonly #many: StatementSync
  readonly #values = new Array<SQLInputValue>(columns * together)
  #count = 0

  constructor(db: DatabaseSync) {
    const row = `(${Array.from({ length: columns }, () => '?').join(', ')})`
    const insert = `insert into tidings_events (position, stream, stream_version, partition, id, source, type, version, time,
      priority, correlation, causation, encoding, checksum, seal, context, data) values ${row}`
    this.#one = db.prepare(insert)
    this.#many = db.prepare(insert + `, ${row}`.repeat(together - 1))
  }

  add(
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
  ): void {
    const values = this.#values
    let at = this.#count * columns
    values[at++] = position
    values[at++] = stream
    values[at++] = streamVersion
    values[at++] = partition
    values[at++] = id
    values[at++] = source
    values[at++] = type
    values[at++] = version
    values[at++] = time
    values[at++] = priority
    values[at++] = correlation
    values[at++] = causation
    values[at++] = encoding
    values[at++] = checksum
    values[at++] = seal
    values[at++] = context
    values[at++] = data
    if (++this.#count < together) return
    this.#count = 0
    this.#many.run(...values)
  }

  flush(): void {
    const count = this.#count
    this.#count = 0
    for (let row = 0; row < count; row++) this.#one.run(...this.#values.slice(row * columns, (row + 1) * columns))
  }

  /** Forgets what was gathered; owed when the transaction is rolled back. */
  drop(): void {
    this.#count = 0
  }
}
