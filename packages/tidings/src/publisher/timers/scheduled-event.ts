import type { EventRecord } from '../../events/record.ts'
import { plainRecord } from '../../events/record-codec.ts'
import { isInternal } from '../../events/type-pattern.ts'
import { TidingsError } from '../../kernel/errors.ts'
import type { DocumentChange, Expectation, Store, StoredDocument } from '../../store/store.ts'

/** Collection of events that wait for their time. Ids: source/event. Indexed by when they are due. */
export const timersCollection = 'timers'

/** An event that waits for its time. Times are milliseconds since 1970. */
export interface ScheduledEvent {
  /** What to cancel it by. */
  readonly id: string
  /** When it is published. */
  readonly at: number
  readonly eventId: string
  readonly source: string
  readonly type: string
  /** Empty where there is none. */
  readonly tenant: string
  readonly category: string
  readonly key: string
  /** Why the store would not have it when it was due; it is not tried again. */
  readonly failed?: string
}

/** The same with the event itself. */
export interface TimerDocument {
  readonly due: number
  readonly record: EventRecord
  readonly failed?: string
}

type StoredRecord = Omit<EventRecord, 'event' | 'fresh' | 'data'> & {
  readonly data: string | { readonly base64: string }
}

export function timerId({ source, id }: Pick<EventRecord, 'source' | 'id'>): string {
  return `${source}/${id}`
}

export function putTimer({ due, record, failed }: TimerDocument): DocumentChange {
  const { event: _event, fresh: _fresh, data, ...rest } = plainRecord(record)
  const stored: StoredRecord = {
    ...rest,
    data: typeof data === 'string' ? data : { base64: Buffer.from(data).toString('base64') },
  }
  return {
    collection: timersCollection,
    id: timerId(record),
    put: JSON.stringify({ due, record: stored, ...(failed === undefined ? {} : { failed }) }),
    // What has failed is looked for by nobody; what the library keeps for itself is listed to operators alone.
    index: failed !== undefined ? { failed: due } : isInternal(record.type) ? { due } : { due, own: due },
  }
}

export function deleteTimer(id: string): DocumentChange {
  return { collection: timersCollection, id, delete: true }
}

/** The timer stands as it was read. */
export function unchangedTimer({ id, version }: Pick<StoredDocument, 'id' | 'version'>): Expectation {
  return { collection: timersCollection, id, version }
}

export function readTimer({ body }: Pick<StoredDocument, 'body'>): TimerDocument {
  const { record, ...rest } = JSON.parse(body) as Omit<TimerDocument, 'record'> & { readonly record: StoredRecord }
  const data = typeof record.data === 'string' ? record.data : new Uint8Array(Buffer.from(record.data.base64, 'base64'))
  return { ...rest, record: { ...record, data } }
}

/** Those that wait, the next due first, and behind them those that have failed. `internal`: also those of sagas. */
export async function listTimers(store: Store, limit = 1_000, internal = false): Promise<readonly ScheduledEvent[]> {
  const waiting = await store.find(timersCollection, { by: { index: internal ? 'due' : 'own' }, limit })
  const failed = await store.find(timersCollection, { by: { index: 'failed' }, limit })
  return [...waiting, ...failed].slice(0, limit).map((document) => {
    const { due, record, failed: why } = readTimer(document)
    const { id: eventId, source, type, tenant, category, key } = record
    return {
      id: document.id,
      at: due,
      eventId,
      source,
      type,
      tenant,
      category,
      key,
      ...(why === undefined ? {} : { failed: why }),
    }
  })
}

/**
 * True where it was cancelled by this call; false where it is gone: published, cancelled, or never there. Throws `TIDINGS_NOT_SUPPORTED` for a timer of a
 * saga, which would wait for ever: cancel the saga.
 */
export async function cancelTimer(store: Store, id: string): Promise<boolean> {
  for (;;) {
    const [document] = await store.find(timersCollection, { id })
    if (document === undefined) return false
    if (isInternal(readTimer(document).record.type))
      throw new TidingsError(
        'TIDINGS_NOT_SUPPORTED',
        'This timer belongs to a saga, which counts on it; cancel the saga.',
        {
          details: { field: 'id' },
        },
      )
    const [result] = await store.commit([{ expect: [unchangedTimer(document)], documents: [deleteTimer(id)] }])
    if (result?.status === 'refused') throw result.error
    if (result?.status === 'committed') return true
  }
}
