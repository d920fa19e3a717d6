import {
  type CommitResult,
  type EventRecord,
  memoryStore,
  type Statement,
  type Store,
  type StoreCapabilities,
  type Unit,
} from 'tidings/spi'

import type { Appended, Committed, Conflicted } from './facts.ts'

export interface DiskListener {
  appended(event: Appended): void
  committed(commit: Committed): void
  /** Its events stood already, so nothing of it was applied. */
  repeated(commit: Committed): void
  conflicted(conflict: Conflicted): void
  /** A counter of the table has grown. */
  counted(id: string, by: string, count: number): void
  /** Whether this record's bytes are to be damaged. */
  damages(record: EventRecord, by: string): boolean
}

/** The table of the simulated database: `update counters set n = n + 1 where id = …`, without any unique key that could hide a second one. */
const countText = 'update counters set n = n + 1 where id = '
const refuseText = 'insert into missing values ('

export function isRefused(statement: Statement): boolean {
  return statement.text[0] === refuseText
}

export const partitions = 4

/**
 * The database that all instances share and that survives them: the memory store, with one table beside it whose statements become true
 * together with their unit. It tells its listener every change, so that promises can be checked while they are kept.
 */
export class Disk {
  readonly store: Store = memoryStore({ partitions })
  readonly counters: Map<string, number> = new Map()
  readonly capabilities: StoreCapabilities
  readonly #listener: DiskListener
  /** Whether events lose the object they were made from, as they would on a real disk; then every reader decodes bytes. */
  readonly #bytesOnly: boolean

  constructor(listener: DiskListener, options: { readonly bytesOnly: boolean; readonly commitsAtOnce: number }) {
    this.capabilities = {
      ...this.store.capabilities,
      name: 'disk',
      durability: 'store',
      sharing: 'network',
      sql: 'sqlite',
      commitsAtOnce: options.commitsAtOnce,
    }
    this.#listener = listener
    this.#bytesOnly = options.bytesOnly
  }

  /** The disk, as one process sees it. */
  as(by: string): Store {
    const { store } = this
    return {
      capabilities: this.capabilities,
      commit: async (units) => {
        const results: CommitResult[] = []
        for (const unit of units) results.push(await this.#commit(by, unit))
        return results
      },
      readStream: (stream, query) => store.readStream(stream, query),
      readAll: (query) => store.readAll(query),
      find: (collection, query) => store.find(collection, query),
      watch: (wake) => store.watch(wake),
      prune: (query) => store.prune(query),
      close: async () => {},
    }
  }

  async #commit(by: string, unit: Unit): Promise<CommitResult> {
    const { statements = [], ...plain } = unit
    if (statements.some(isRefused)) {
      const [checked] = await this.store.commit([unit.expect === undefined ? {} : { expect: unit.expect }])
      if (checked?.status === 'conflict') return this.#conflict(by, unit, checked)
      return { status: 'refused', error: new Error('no such table: missing') }
    }
    const damaged = (unit.append ?? []).map((record) => this.#listener.damages(record, by))
    const append = (unit.append ?? []).map((record, at) =>
      damaged[at] === true ? flipped(record) : this.#bytesOnly ? bytesOf(record) : record,
    )
    const [result] = await this.store.commit([unit.append === undefined ? plain : { ...plain, append }])
    if (result === undefined || result.status === 'refused') return result as CommitResult
    if (result.status === 'conflict') return this.#conflict(by, unit, result)
    if (result.repeated) {
      this.#listener.repeated({ by, unit })
      return result
    }
    for (const [at, placed] of result.events.entries()) {
      const { position, streamVersion, stream, partition } = placed as unknown as Appended
      const record = append[at] as EventRecord
      const token = tokenOf((unit.append as readonly EventRecord[])[at] as EventRecord)
      this.#listener.appended({
        id: record.id,
        position,
        streamVersion,
        stream,
        partition,
        record,
        token,
        damaged: damaged[at] === true,
        by,
      })
    }
    this.#listener.committed({ by, unit })
    for (const statement of statements) this.#count(statement, by)
    return result
  }

  #conflict(by: string, unit: Unit, result: Extract<CommitResult, { status: 'conflict' }>): CommitResult {
    const { expectation } = result
    this.#listener.conflicted({ by, unit, collection: 'collection' in expectation ? expectation.collection : '' })
    return result
  }

  #count(statement: Statement, by: string): void {
    if (statement.text[0] !== countText)
      throw new Error(`The simulated database knows no such statement: ${statement.text[0]}`)
    const id = String(statement.values[0])
    const count = (this.counters.get(id) ?? 0) + 1
    this.counters.set(id, count)
    this.#listener.counted(id, by, count)
  }
}

function tokenOf(record: EventRecord): string {
  const data = (record.event?.data ?? JSON.parse(String(record.data))) as { readonly token: string }
  return data.token
}

const fields = [
  'id',
  'source',
  'type',
  'version',
  'category',
  'key',
  'tenant',
  'time',
  'priority',
  'correlation',
  'causation',
  'context',
  'data',
  'encoding',
  'checksum',
  'seal',
] as const

function bytesOf(record: EventRecord): EventRecord {
  const bare = Object.fromEntries(fields.map((field) => [field, record[field]])) as unknown as EventRecord
  return record.fresh === true ? { ...bare, fresh: true } : bare
}

/** One bit of the data is another one. */
function flipped(record: EventRecord): EventRecord {
  const bare = bytesOf(record)
  const data = String(bare.data)
  const at = data.length >> 1
  return { ...bare, data: data.slice(0, at) + String.fromCharCode(data.charCodeAt(at) ^ 1) + data.slice(at + 1) }
}
