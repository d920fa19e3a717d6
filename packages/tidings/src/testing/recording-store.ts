import type { EventRecord } from '../events/record.ts'
import { isSqlStore, type SqlStore } from '../store/sql-store.ts'
import type { CommitResult, Position, Store, StoredDocument, Unit } from '../store/store.ts'
import { type ParkedEvent, parkedCollection, readParked } from '../subscriber/parked-event.ts'

/** An event as it was committed. */
export interface RecordedEvent {
  readonly position: Position
  readonly streamVersion: number
  readonly record: EventRecord
}

/** What was committed to a store through its recording decorator, to be looked at without asking the store. */
export interface Recording {
  readonly store: Store
  /** In the order of their positions. */
  readonly events: readonly RecordedEvent[]
  /** Everything that is set aside at the moment. */
  parked(): readonly ParkedEvent[]
  /** Position of the last event. */
  readonly head: Position
}

const recordings = new WeakMap<Store, Recording>()

/** Wraps a store so that everything committed through the wrapper is remembered. A store that is such a wrapper already is answered with its recording. */
export function recordingStore(inner: Store): Recording {
  const known = recordings.get(inner)
  if (known !== undefined) return known
  const events: RecordedEvent[] = []
  const parked = new Map<string, ParkedEvent>()
  let head = 0

  const note = (unit: Unit, result: CommitResult | undefined): void => {
    if (result?.status !== 'committed' || result.repeated) return
    for (const [at, record] of (unit.append ?? []).entries()) {
      const placed = result.events[at]
      if (placed === undefined) continue
      events.push({ position: placed.position, streamVersion: placed.streamVersion, record })
      if (placed.position > head) head = placed.position
    }
    for (const change of unit.documents ?? []) {
      if (change.collection !== parkedCollection) continue
      if ('put' in change)
        parked.set(change.id, readParked({ id: change.id, version: 0, body: change.put } satisfies StoredDocument))
      else parked.delete(change.id)
    }
  }

  const commit = async (units: readonly Unit[]): Promise<readonly CommitResult[]> => {
    const results = await inner.commit(units)
    for (const [at, unit] of units.entries()) note(unit, results[at])
    return results
  }

  const store: Store = {
    capabilities: inner.capabilities,
    commit,
    readStream: (stream, query) => inner.readStream(stream, query),
    readAll: (query) => inner.readAll(query),
    find: (collection, query) => inner.find(collection, query),
    watch: (wake) => inner.watch(wake),
    prune: (query) => inner.prune(query),
    close: () => inner.close(),
  }
  const recording: Recording = {
    store: isSqlStore(inner) ? withTransactions(store, inner, note) : store,
    events,
    parked: () => [...parked.values()],
    get head() {
      return head
    },
  }
  recordings.set(recording.store, recording)
  return recording
}

function withTransactions(store: Store, inner: SqlStore, note: (unit: Unit, result: CommitResult) => void): SqlStore {
  return {
    ...store,
    query: (statement) => inner.query(statement),
    async begin(options) {
      const transaction = await inner.begin(options)
      return {
        query: (statement) => transaction.query(statement),
        rollback: () => transaction.rollback(),
        async commit(unit) {
          const result = await transaction.commit(unit)
          note(unit, result)
          return result
        },
      }
    },
  }
}
