import type { Client } from 'pg'
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

import { appendWithin, type ForeignClient } from './commit/append-within.ts'
import type { CommitContext } from './commit/commit-context.ts'
import { commitUnits } from './commit/commit-units.ts'
import type { RowTypes } from './commit/encode-plan.ts'
import { StreamIdentities } from './commit/identities.ts'
import { connect } from './connect/connect.ts'
import { answer, Link } from './connect/link.ts'
import { Reader } from './connect/reader.ts'
import { TransactionsPool } from './connect/transactions-pool.ts'
import { findDocuments } from './documents/find-documents.ts'
import { limitOf } from './limit-of.ts'
import { pruneStep } from './log/prune.ts'
import { readAll } from './log/read-all.ts'
import { readStream } from './log/read-stream.ts'
import { storeError } from './postgres-errors.ts'
import type { PostgresSettings } from './postgres-options.ts'
import { type Relations, relationsOf } from './relations.ts'
import { readQuery } from './sql/read-query.ts'
import { runStatements } from './sql/run-statements.ts'
import { Transactions } from './sql/transactions.ts'
import { Announcements } from './watch/announcements.ts'
import { Watchers } from './watch/watchers.ts'

/** What the server's own settings promise for an acknowledged commit. */
export type PostgresDurability =
  /** It survives power loss. */
  | 'full'
  /** `fsync` or `full_page_writes` is off: it survives the death of all processes, and power loss may damage the database. */
  | 'process'

export interface OpenedServer {
  readonly partitions: number
  readonly durability: PostgresDurability
  readonly types: RowTypes
  /** The connection that opened the store; it goes on as the one that commits. */
  readonly client: Client
}

/** Connections that read: a slow page holds up half of the others at most. */
const readers = 2

/** Most connections for SQL in units, and for pruning. Bus and committer want one of them at a time. */
const unitConnections = 4

/**
 * A store in one schema of a PostgreSQL database. One connection commits, two read, one notifies; transactions and queries of users take theirs
 * from a pool, and SQL in units from another: who sleeps in transactions must not hold up what everybody else commits. Connections come and go by themselves; a call whose connection breaks rejects. Open, then closing, then closed.
 */
export class PostgresStore implements SqlStore {
  readonly capabilities: StoreCapabilities
  readonly durability: PostgresDurability
  readonly #settings: PostgresSettings
  readonly #relations: Relations
  readonly #host: Host
  readonly #writer: Link
  readonly #readers: readonly Link[]
  readonly #reader: Reader
  readonly #pool: TransactionsPool
  readonly #units: TransactionsPool
  readonly #commits: CommitContext
  readonly #announcements: Announcements
  readonly #watchers: Watchers
  readonly #transactions: Transactions
  readonly #running = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  constructor(settings: PostgresSettings, host: Host, opened: OpenedServer) {
    const { runtime } = host
    const { timeout, connectTimeout, poll } = settings
    const { partitions } = opened
    this.capabilities = Object.freeze({
      name: 'postgres',
      durability: 'store',
      sharing: 'network',
      sql: 'postgres',
      partitions,
    })
    this.durability = opened.durability
    this.#settings = settings
    this.#host = host
    this.#relations = relationsOf(settings.schema, settings.table)
    const relations = this.#relations
    const identities = new StreamIdentities(partitions)
    const writing = { runtime, timeout, connect: () => connect(settings, runtime, 'write') }
    const reading = { runtime, timeout, connect: () => connect(settings, runtime, 'read') }
    this.#writer = new Link(
      {
        runtime,
        timeout,
        connect: () => connect(settings, runtime, 'commit'),
        lost: () => identities.forget(),
      },
      opened.client,
    )
    this.#readers = Array.from({ length: readers }, () => new Link(reading))
    this.#reader = new Reader(this.#readers)
    this.#pool = new TransactionsPool(settings, runtime)
    this.#units = new TransactionsPool({ ...settings, pool: unitConnections }, runtime, 'units')
    this.#commits = {
      relations,
      identities,
      types: opened.types,
      writer: this.#writer,
      pool: this.#units,
      answer: (client, text, values) => answer({ runtime, timeout }, client, undefined, text, values),
      runStatements: (client, statements) => runStatements({ runtime, timeout }, client, statements),
    }
    this.#announcements = new Announcements({ ...writing, channel: relations.channel })
    this.#watchers = new Watchers({
      runtime,
      poll,
      announcements: this.#announcements,
      snapshot: async () => (await this.#reader.rows('select pg_current_snapshot()', []))[0]?.[0] ?? '',
    })
    this.#transactions = new Transactions({
      runtime,
      timeout,
      connectTimeout,
      target: this.#commits,
      pool: this.#pool,
      reader: this.#reader,
      committed: () => this.#watchers.committed(),
    })
  }

  commit(units: readonly Unit[]): Promise<readonly CommitResult[]> {
    if (this.#closing !== undefined) return Promise.reject(closed())
    if (units.length === 0) return Promise.resolve([])
    return this.#run(this.#commit(units))
  }

  readStream(stream: StreamName, query: StreamQuery = {}): Promise<readonly StoredEvent[]> {
    return this.#read('Reading a stream', () => readStream(this.#reader, this.#relations, stream, query))
  }

  readAll(query: LogQuery): Promise<Page> {
    return this.#read('Reading the log', () => readAll(this.#reader, this.#relations, query))
  }

  find(collection: string, query: DocumentQuery = {}): Promise<readonly StoredDocument[]> {
    return this.#read('Reading documents', () => findDocuments(this.#reader, this.#relations, collection, query))
  }

  query(statement: Statement): Promise<readonly Row[]> {
    const { timeout } = this.#settings
    return this.#read('A query', () => readQuery({ runtime: this.#host.runtime, timeout }, this.#pool, statement))
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
    return this.#read('Pruning', () => this.#prune(query))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /**
   * Applies units in a transaction that your own `pg` client has begun, as its last step before COMMIT: until then every
   * other writer waits. What it answers is true once you have committed; rejects, or answers `refused`, and leaves your
   * transaction as it was. Units carry no statements here. Rejects with TIDINGS_INVALID_OPTION outside of transactions and in any isolation but
   * READ COMMITTED.
   */
  appendWithin(client: ForeignClient, units: readonly Unit[]): Promise<readonly CommitResult[]> {
    if (this.#closing !== undefined) return Promise.reject(closed())
    return this.#run(appendWithin(this.#commits, client, units))
  }

  /** Wakes readers here and elsewhere at once. After the COMMIT of what `appendWithin` has applied; without it they come by polling. */
  announce(): void {
    if (this.#closing === undefined) this.#watchers.committed()
  }

  async #commit(units: readonly Unit[]): Promise<readonly CommitResult[]> {
    const results = await commitUnits(this.#commits, units)
    if (results.some(hasWritten)) this.#watchers.committed()
    return results
  }

  async #prune(query: PruneQuery): Promise<Pruned> {
    const limit = limitOf(query.limit)
    let removed = 0
    for (let after = 0; ; ) {
      const step = await this.#pruneStep(query, after, limit - removed)
      removed += step.removed
      if (this.#closing !== undefined && step.next !== undefined) return { removed, more: true }
      if (step.more || step.next === undefined) return { removed, more: step.more }
      after = step.next
    }
  }

  async #pruneStep(query: PruneQuery, after: number, limit: number): ReturnType<typeof pruneStep> {
    const client = await this.#units.take()
    let broken = true
    try {
      const run = (text: string, values: unknown[]): ReturnType<typeof answer> =>
        this.#commits.answer(client, text, values)
      const step = await pruneStep(run, this.#relations, query, after, limit)
      broken = false
      return step
    } finally {
      this.#units.give(client, broken)
    }
  }

  #read<T>(what: string, read: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(closed())
    return this.#run(
      read().catch((error: unknown) => {
        throw storeError(error, what)
      }),
    )
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
    await Promise.allSettled([
      this.#announcements.close(),
      this.#pool.close(),
      this.#units.close(),
      this.#writer.close(),
      ...this.#readers.map((link) => link.close()),
    ])
  }
}

function hasWritten(result: CommitResult): boolean {
  return result.status === 'committed' && !result.repeated
}

function closed(): TidingsError {
  return new TidingsError('TIDINGS_CLOSED', 'The PostgreSQL store is closed.')
}

function badHold(): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', 'Expected `hold` to be milliseconds above 0.', {
    details: { field: 'hold' },
  })
}
