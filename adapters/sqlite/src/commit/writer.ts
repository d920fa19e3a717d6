import type { StatementSync } from 'node:sqlite'

import { type CommitResult, type Expectation, TidingsError, type Unit } from 'tidings/spi'

import type { Connection } from '../connection.ts'
import { DocumentWriter } from '../documents/document-writer.ts'
import { LogWriter } from '../log/log-writer.ts'

/**
 * Writes on one connection: no transaction → begun → none. What it remembers between transactions is right as long as nobody
 * else writes to the file; `begin` finds out and forgets.
 */
export class Writer {
  readonly connection: Connection
  readonly #log: LogWriter
  readonly #documents: DocumentWriter
  readonly #begin: StatementSync
  readonly #commit: StatementSync
  readonly #rollback: StatementSync
  readonly #savepoint: StatementSync
  readonly #release: StatementSync
  readonly #rollbackTo: StatementSync
  readonly #dataVersion: StatementSync
  #seen: number | undefined

  constructor(connection: Connection, partitions: number) {
    const { db } = connection
    this.connection = connection
    this.#log = new LogWriter(db, partitions)
    this.#documents = new DocumentWriter(db)
    this.#begin = db.prepare('begin immediate')
    this.#commit = db.prepare('commit')
    this.#rollback = db.prepare('rollback')
    this.#savepoint = db.prepare('savepoint tidings_unit')
    this.#release = db.prepare('release tidings_unit')
    this.#rollbackTo = db.prepare('rollback to tidings_unit')
    this.#dataVersion = db.prepare('pragma data_version', { returnArrays: true })
  }

  /** Throws SQLite's busy error where somebody else writes; then nothing has begun. */
  begin(): void {
    // Left over from a rollback that failed.
    if (this.connection.db.isTransaction) this.#rollback.run()
    this.#begin.run()
    const seen = this.dataVersion()
    if (seen !== this.#seen) {
      this.#log.forget()
      this.#seen = seen
    }
  }

  /** Writes out what is still on its way. Owed before `commit`. */
  flush(): void {
    this.#log.flush()
  }

  commit(): void {
    this.#commit.run()
  }

  /** Harmless where SQLite has rolled back by itself, as it does when the disk is full. Never throws. */
  rollback(): void {
    this.#log.forget()
    try {
      if (this.connection.db.isTransaction) this.#rollback.run()
    } catch {
      // What led here is worth more to the caller; the next `begin` tries again.
    }
  }

  /** Changes whenever another connection, of this process or another, has committed. */
  dataVersion(): number {
    return (this.#dataVersion.get() as unknown as [number])[0]
  }

  /**
   * Applies a unit inside the transaction. Throws where it fails in the middle; then the transaction holds half of it, and
   * must be rolled back. `trusting`: ids that say they are fresh are not looked up.
   */
  apply(unit: Unit, trusting: boolean): CommitResult {
    const { append, expect, statements, documents } = unit
    if (append !== undefined && append.length > 0) {
      const earlier = this.#log.findRepeated(append, trusting)
      if (earlier === 'mixed') return { status: 'refused', error: duplicateId() }
      if (earlier !== undefined) return { status: 'committed', events: earlier, repeated: true }
    }
    if (expect !== undefined) {
      for (const expectation of expect) {
        const actual = this.#actual(expectation)
        if (actual !== expectation.version) return { status: 'conflict', expectation, actual }
      }
    }
    if (statements !== undefined) {
      for (let at = 0; at < statements.length; at++) {
        this.connection.users.run(statements[at]!, `Statement ${at + 1} of the unit`)
      }
    }
    if (documents !== undefined) this.#documents.change(documents)
    const events = append === undefined || append.length === 0 ? none : this.#log.append(append, trusting)
    return { status: 'committed', events, repeated: false }
  }

  /** The same, undoing what a failing unit did; so those before it stay. Throws as `apply` does where that is not possible. */
  applyApart(unit: Unit, failed: (error: unknown) => CommitResult): CommitResult {
    this.#log.flush()
    this.#savepoint.run()
    try {
      const result = this.apply(unit, true)
      this.#log.flush()
      this.#release.run()
      return result
    } catch (error) {
      // SQL may end the whole transaction (`insert or rollback`), and so does a full disk.
      if (!this.connection.db.isTransaction) throw error
      this.#rollbackTo.run()
      this.#release.run()
      this.#log.forget()
      return failed(error)
    }
  }

  #actual(expectation: Expectation): number {
    return 'stream' in expectation
      ? this.#log.versionOf(expectation.stream)
      : this.#documents.versionOf(expectation.collection, expectation.id)
  }
}

const none: readonly never[] = Object.freeze([])

function duplicateId(): TidingsError {
  return new TidingsError(
    'TIDINGS_DUPLICATE_ID',
    'Some events of this unit carry an `id` that is stored already, or one that another of them carries; (source, id) is unique for ever.',
    { details: { field: 'id' } },
  )
}
