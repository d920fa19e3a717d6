import { TidingsError } from '../../kernel/errors.ts'
import type {
  CommitResult,
  DocumentChange,
  Expectation,
  LogQuery,
  Page,
  Store,
  StoreCapabilities,
  StoredEvent,
  Unit,
} from '../store.ts'
import { MemoryDocuments } from './memory-documents.ts'
import { MemoryLog } from './memory-log.ts'

export interface MemoryStoreOptions {
  /** Fixed share count, 1 to 1,024. Default 8. */
  readonly partitions?: number
}

/** The reference store: everything in this process, gone with it. It keeps every promise of the port but durability. */
export function memoryStore({ partitions = 8 }: MemoryStoreOptions = {}): Store {
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > 1_024) {
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      `Expected \`partitions\` to be a whole number from 1 to 1,024, got ${partitions}.`,
      {
        details: { field: 'partitions' },
      },
    )
  }
  const capabilities: StoreCapabilities = Object.freeze({
    name: 'memory',
    durability: 'memory',
    sharing: 'process',
    sql: 'none',
    partitions,
  })
  const log = new MemoryLog(capabilities.partitions)
  const documents = new MemoryDocuments()
  /** One object a call of `watch`: the same function may watch twice. */
  const watchers = new Set<{ readonly wake: () => void }>()
  let closed = false
  let waking = false

  const assertOpen = (): void => {
    if (closed) throw new TidingsError('TIDINGS_CLOSED', 'The memory store is closed.')
  }

  const actualOf = (expectation: Expectation): number =>
    'stream' in expectation
      ? log.versionOf(expectation.stream)
      : documents.versionOf(expectation.collection, expectation.id)

  const apply = (unit: Unit): CommitResult => {
    if (unit.append !== undefined) {
      const earlier = log.findRepeated(unit.append)
      if (earlier === 'mixed') return { status: 'refused', error: duplicateId() }
      if (earlier !== undefined) return { status: 'committed', events: earlier, repeated: true }
    }
    if (unit.expect !== undefined) {
      for (const expectation of unit.expect) {
        const actual = actualOf(expectation)
        if (actual !== expectation.version) return { status: 'conflict', expectation, actual }
      }
    }
    if (unit.statements !== undefined && unit.statements.length > 0) return { status: 'refused', error: noSql() }
    const field = unit.documents === undefined ? undefined : badIndexIn(unit.documents)
    if (field !== undefined) return { status: 'refused', error: notFinite(field) }
    if (unit.documents !== undefined) applyDocuments(documents, unit.documents)
    return { status: 'committed', events: unit.append === undefined ? none : log.append(unit.append), repeated: false }
  }

  const wake = (): void => {
    waking = false
    for (const watcher of watchers) watcher.wake()
  }

  return {
    capabilities,
    async commit(units) {
      assertOpen()
      const results = new Array<CommitResult>(units.length)
      for (let at = 0; at < units.length; at++) results[at] = apply(units[at] as Unit)
      if (!waking && watchers.size > 0) {
        waking = true
        queueMicrotask(wake)
      }
      return results
    },
    async readStream(stream, query = {}) {
      assertOpen()
      return log.readStream(stream, query)
    },
    async readAll(query) {
      assertOpen()
      return readAll(log, query)
    },
    async find(collection, query = {}) {
      assertOpen()
      return documents.find(collection, query)
    },
    watch(wakeUp) {
      const watcher = { wake: wakeUp }
      if (!closed) watchers.add(watcher)
      return () => void watchers.delete(watcher)
    },
    async prune(query) {
      assertOpen()
      return log.prune(query)
    },
    async close() {
      closed = true
      watchers.clear()
    },
  }
}

const none: readonly never[] = Object.freeze([])

/** The name of a value that no database could order. */
function badIndexIn(changes: readonly DocumentChange[]): string | undefined {
  for (const change of changes) {
    if (!('put' in change) || change.index === undefined) continue
    for (const [name, value] of Object.entries(change.index))
      if (typeof value === 'number' ? !Number.isFinite(value) : typeof value !== 'string') return name
  }
  return undefined
}

function applyDocuments(documents: MemoryDocuments, changes: readonly DocumentChange[]): void {
  for (const change of changes) {
    if ('put' in change) documents.put(change.collection, change.id, change.put, change.index)
    else documents.delete(change.collection, change.id)
  }
}

function readAll(log: MemoryLog, query: LogQuery): Page {
  const events: StoredEvent[] = []
  if (query.limit <= 0) return { events, through: query.after }
  const end = Math.min(query.upTo ?? log.last, log.last)
  if (query.types?.length === 0) return { events, through: Math.max(query.after, end) }
  // Of what was pruned from the beginning nothing can match.
  let through = Math.max(query.after, Math.min(log.first - 1, end))
  for (let position = Math.max(query.after + 1, log.first); position <= end; position++) {
    const stored = log.at(position)
    if (stored !== undefined && matches(stored, query)) events.push(stored)
    through = position
    if (events.length >= query.limit) break
  }
  return { events, through }
}

function matches(stored: StoredEvent, query: LogQuery): boolean {
  const { record } = stored
  return (
    (query.partitions === undefined || query.partitions.includes(stored.partition)) &&
    (query.types === undefined || query.types.includes(record.type)) &&
    (query.categories === undefined || query.categories.includes(record.category)) &&
    (query.tenant === undefined || record.tenant === query.tenant) &&
    (query.correlation === undefined || record.correlation === query.correlation) &&
    (query.causation === undefined || record.causation === query.causation) &&
    (query.id === undefined || record.id === query.id) &&
    (query.from === undefined || record.time >= query.from) &&
    (query.to === undefined || record.time < query.to)
  )
}

function duplicateId(): TidingsError {
  return new TidingsError(
    'TIDINGS_DUPLICATE_ID',
    'Some events of this unit carry an `id` that is stored already, others do not; (source, id) is unique for ever.',
    {
      details: { field: 'id' },
    },
  )
}

function notFinite(name: string): TidingsError {
  const field = `index.${name.slice(0, 80)}`
  return new TidingsError(
    'TIDINGS_INVALID_OPTION',
    `Expected \`${field}\` of a document to be text or a finite number.`,
    {
      details: { field },
    },
  )
}

function noSql(): TidingsError {
  return new TidingsError(
    'TIDINGS_NOT_SUPPORTED',
    'The memory store runs no SQL; use an SQL store for handlers that write tables.',
    { details: { capability: 'sql' } },
  )
}
