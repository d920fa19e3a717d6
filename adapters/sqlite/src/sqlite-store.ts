import {
  type CommitResult,
  type DocumentQuery,
  type Host,
  type LogQuery,
  type Page,
  type Pruned,
  type PruneQuery,
  type Row,
  type SqlStore,
  type SqlTransaction,
  type Statement,
  type StoreCapabilities,
  type StoredDocument,
  type StoredEvent,
  type StreamName,
  type StreamQuery,
  TidingsError,
  type Unit,
} from 'tidings/spi'

import { commitOne, commitTogether, unknownOutcome } from './commit/commit-units.ts'
import { Writer } from './commit/writer.ts'
import type { Connection } from './connection.ts'
import { DocumentReader } from './documents/find-documents.ts'
import { gateOf } from './gate.ts'
import { limitOf } from './limit-of.ts'
import { pruneStep } from './log/prune.ts'
import { LogReader } from './log/read-all.ts'
import { StreamReader } from './log/read-stream.ts'
import { StoredEvents } from './log/stored-events.ts'
import { retryBusy } from './retry-busy.ts'
import { Transactions } from './sql/transactions.ts'
import { isBusy, storeError } from './sqlite-errors.ts'
import type { SqliteDurability, SqliteSettings } from './sqlite-options.ts'
import { Watchers } from './watch.ts'

/**
 * A store in one SQLite file. Two connections: one reads, commits and watches, a second one carries interactive transactions.
 * Nothing waits inside SQLite; what finds the file locked waits outside and tries again. Open, then closing, then closed.
 */
export class SqliteStore implements SqlStore {
  readonly capabilities: StoreCapabilities
  /** What an acknowledged commit survives, as asked for. */
  readonly durability: SqliteDurability
  readonly #settings: SqliteSettings
  readonly #host: Host
  readonly #connection: Connection
  readonly #writer: Writer
  readonly #log: LogReader
  readonly #streams: StreamReader
  readonly #documents: DocumentReader
  readonly #watchers: Watchers
  readonly #transactions: Transactions
  readonly #gate: ReturnType<typeof gateOf>
  readonly #running = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  constructor(connection: Connection, partitions: number, settings: SqliteSettings, host: Host) {
    const { db } = connection
    const memory = settings.path === ':memory:'
    this.capabilities = Object.freeze({
      name: 'sqlite',
      durability: memory ? 'memory' : 'store',
      sharing: memory ? 'process' : 'host',
      sql: 'sqlite',
      partitions,
    })
    this.durability = settings.durability
    this.#settings = settings
    this.#host = host
    this.#connection = connection
    this.#writer = new Writer(connection, partitions)
    const events = new StoredEvents(db)
    this.#log = new LogReader(db, events)
    this.#streams = new StreamReader(db, events)
    this.#documents = new DocumentReader(db)
    this.#gate = gateOf(settings.path)
    this.#watchers = new Watchers({
      runtime: host.runtime,
      poll: memory ? undefined : settings.poll,
      dataVersion: () => this.#writer.dataVersion(),
    })
    this.#transactions = new Transactions({
      settings,
      partitions,
      runtime: host.runtime,
      gate: this.#gate.gate,
      writer: this.#writer,
      committed: () => this.#watchers.committed(),
    })
  }

  commit(units: readonly Unit[]): Promise<readonly CommitResult[]> {
    if (this.#closing !== undefined) return Promise.reject(closed())
    if (units.length === 0) return Promise.resolve([])
    if (!this.#gate.gate.free) return this.#run(this.#commitInTurn(units))
    try {
      const results = commitTogether(this.#writer, units)
      if (results === undefined) return this.#run(this.#commitInTurn(units, true))
      this.#committed(results)
      return Promise.resolve(results)
    } catch (error) {
      return isBusy(error) ? this.#run(this.#commitInTurn(units)) : Promise.reject(storeError(error, 'A commit'))
    }
  }

  async readStream(stream: StreamName, query: StreamQuery = {}): Promise<readonly StoredEvent[]> {
    return this.#read('Reading a stream', () => this.#streams.read(stream, query))
  }

  async readAll(query: LogQuery): Promise<Page> {
    return this.#read('Reading the log', () => this.#log.read(query))
  }

  async find(collection: string, query: DocumentQuery = {}): Promise<readonly StoredDocument[]> {
    return this.#read('Reading documents', () => this.#documents.find(collection, query))
  }

  async query(statement: Statement): Promise<readonly Row[]> {
    return this.#read('A query', () => this.#transactions.reader.users.rows(statement, 'read', 'A query'))
  }

  begin({ hold, signal }: { readonly hold: number; readonly signal?: AbortSignal }): Promise<SqlTransaction> {
    if (this.#closing !== undefined) return Promise.reject(closed())
    if (!(hold > 0)) return Promise.reject(badHold())
    return this.#run(this.#transactions.begin(hold, signal))
  }

  watch(wake: () => void): () => void {
    return this.#closing === undefined ? this.#watchers.add(wake) : () => {}
  }

  prune(query: PruneQuery): Promise<Pruned> {
    if (this.#closing !== undefined) return Promise.reject(closed())
    return this.#run(this.#prune(query))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #commitInTurn(units: readonly Unit[], alone = false): Promise<readonly CommitResult[]> {
    const results = await this.#inTurn('A commit', async () => {
      const together = alone ? undefined : await this.#patiently(() => commitTogether(this.#writer, units))
      return together ?? this.#commitEach(units)
    })
    this.#committed(results)
    return results
  }

  async #commitEach(units: readonly Unit[]): Promise<CommitResult[]> {
    const results: CommitResult[] = []
    for (const unit of units) {
      try {
        results.push(await this.#patiently(() => commitOne(this.#writer, unit)))
      } catch (error) {
        throw results.some(hasWritten) ? unknownOutcome(error) : error
      }
    }
    return results
  }

  #committed(results: readonly CommitResult[]): void {
    if (results.some(hasWritten)) this.#watchers.committed()
  }

  async #prune(query: PruneQuery): Promise<Pruned> {
    const limit = limitOf(query.limit)
    let removed = 0
    for (let after = 0; ; ) {
      const step = await this.#inTurn('Pruning', () =>
        this.#patiently(() => this.#pruneStep(query, after, limit - removed)),
      )
      removed += step.removed
      if (this.#closing !== undefined && step.next !== undefined) return { removed, more: true }
      if (step.more || step.next === undefined) return { removed, more: step.more }
      after = step.next
      await new Promise<void>((resolve) => this.#host.runtime.defer(resolve))
    }
  }

  #pruneStep(query: PruneQuery, after: number, limit: number): ReturnType<typeof pruneStep> {
    this.#writer.begin()
    try {
      const step = pruneStep(this.#connection.db, query, after, limit)
      this.#writer.commit()
      return step
    } catch (error) {
      this.#writer.rollback()
      throw error
    }
  }

  #read<T>(what: string, attempt: () => T): T | Promise<T> {
    if (this.#closing !== undefined) throw closed()
    try {
      return attempt()
    } catch (error) {
      if (!isBusy(error)) throw storeError(error, what)
    }
    return this.#run(
      this.#patiently(attempt).catch((error: unknown) => {
        throw storeError(error, what)
      }),
    )
  }

  async #inTurn<T>(what: string, work: () => Promise<T>): Promise<T> {
    const leave = await this.#gate.gate.enter()
    try {
      return await work()
    } catch (error) {
      throw storeError(error, what)
    } finally {
      leave()
    }
  }

  #patiently<T>(attempt: () => T): Promise<T> {
    return retryBusy({ runtime: this.#host.runtime, busyTimeout: this.#settings.busyTimeout }, attempt)
  }

  #run<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work)
    const end = (): void => void this.#running.delete(work)
    work.then(end, end)
    return work
  }

  async #close(): Promise<void> {
    this.#watchers.close()
    this.#transactions.stop()
    await Promise.allSettled(this.#running)
    this.#gate.release()
    this.#transactions.close()
    const { db } = this.#connection
    try {
      // So that the file alone holds everything, where nobody else has it open.
      db.exec('pragma wal_checkpoint(truncate)')
    } catch (error) {
      this.#host.log(
        'debug',
        'SQLite could not empty its write-ahead log at closing; whoever opens the file next will.',
        { error },
      )
    }
    db.close()
  }
}

function hasWritten(result: CommitResult): boolean {
  return result.status === 'committed' && !result.repeated
}

function closed(): TidingsError {
  return new TidingsError('TIDINGS_CLOSED', 'The SQLite store is closed.')
}

function badHold(): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', 'Expected `hold` to be milliseconds above 0.', {
    details: { field: 'hold' },
  })
}
