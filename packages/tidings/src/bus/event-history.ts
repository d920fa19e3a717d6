import type { Event } from '../events/event.ts'
import { eventOf, verifyChecksum } from '../events/record-codec.ts'
import { type RedeemOptions, wholeRecord } from '../payloads/redeem.ts'
import type { LogQuery, Position, Store, StoredEvent } from '../store/store.ts'
import { type DeletedStream, type DeleteStreamOptions, deleteStream } from './delete-stream.ts'
import { type EventFilter, queryEvents } from './event-query.ts'
import { readWholeStream } from './read-whole-stream.ts'
import { type StatisticsOptions, type StoreStatistics, storeStatistics } from './store-statistics.ts'
import { type StreamLike, streamName } from './stream-like.ts'
import { readNote } from './stream-note.ts'

export { type StreamLike, streamName }

/** An event with its place. */
export interface HistoricEvent extends Event<unknown> {
  readonly position: Position
  readonly streamVersion: number
}

/** Reads the log for people and programs. Pages behind the scenes; nothing stays open between them. */
export interface EventHistory {
  /** The events of one stream, in version order, those in the archive included. */
  readStream(
    stream: StreamLike,
    options?: { readonly from?: number; readonly reverse?: boolean },
  ): AsyncIterable<HistoricEvent>
  /** The log in commit order, filtered. Ends at its head. */
  readAll(query?: Partial<Omit<LogQuery, 'limit'>>): AsyncIterable<HistoricEvent>
  /** Events by stream, type, category, tenant, correlation, cause and time. Ends at the head of the log. */
  query(filter?: EventFilter): AsyncIterable<HistoricEvent>
  /** The events of one stream as a list; for long streams take `readStream`. */
  getEvents(stream: StreamLike): Promise<readonly HistoricEvent[]>
  /** All that followed from one cause, in commit order. */
  getEventsByCorrelationId(correlationId: string): Promise<readonly HistoricEvent[]>
  /** By its id; undefined where it is not in the log. */
  getEvent(id: string): Promise<HistoricEvent | undefined>
  /**
   * Takes all events of a stream away, with its snapshots and what of it is in the archive. Its versions go on counting. Rejects with
   * `TIDINGS_CONFLICT` where it does not stand at `expectedVersion`, and where a subscription still needs one of them.
   */
  deleteStream(stream: StreamLike, options?: DeleteStreamOptions): Promise<DeletedStream>
  /** Counts events by type and streams by category, with sizes and times, over the latest 100,000 positions (`limit`); `complete` says whether that is all. */
  statistics(options?: StatisticsOptions): Promise<StoreStatistics>
}

const page = 500

export function eventHistory(store: Store, redeeming: RedeemOptions): EventHistory {
  const historic = async (stored: StoredEvent): Promise<HistoricEvent> => {
    verifyChecksum(stored.record)
    return placed(stored, eventOf(await wholeRecord(stored.record, redeeming)))
  }

  async function* readStream(
    like: StreamLike,
    options: { readonly from?: number; readonly reverse?: boolean } = {},
  ): AsyncGenerator<HistoricEvent> {
    const stream = streamName(like)
    const { note } = await readNote(store, stream)
    for await (const events of readWholeStream(store, stream, note, options))
      for (const stored of events) yield await historic(stored)
  }

  async function* query(filter: EventFilter = {}): AsyncGenerator<HistoricEvent> {
    for await (const stored of queryEvents(store, filter)) yield await historic(stored)
  }

  async function* readAll(query: Partial<Omit<LogQuery, 'limit'>> = {}): AsyncGenerator<HistoricEvent> {
    let after = query.after ?? 0
    for (;;) {
      const { events, through } = await store.readAll({ ...query, after, limit: page })
      for (const stored of events) yield await historic(stored)
      // A page may end before it is full; only one that leads nowhere is the last.
      if (through <= after) return
      after = through
    }
  }

  return {
    readStream,
    readAll,
    query,
    getEvents: (stream) => collect(readStream(stream)),
    getEventsByCorrelationId: (correlation) => collect(readAll({ correlation })),
    getEvent: async (id) => (await collect(readAll({ id })))[0],
    deleteStream: async (stream, options) => deleteStream(store, streamName(stream), options),
    statistics: (options) => storeStatistics(store, options),
  }
}

async function collect<T>(from: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = []
  for await (const one of from) all.push(one)
  return all
}

function placed(stored: StoredEvent, event: Event<unknown>): HistoricEvent {
  const { id, source, type, version, category, key, timestamp, time, priority, legacy, context, data } = event
  return Object.freeze({
    position: stored.position,
    streamVersion: stored.streamVersion,
    id,
    source,
    type,
    version,
    category,
    key,
    timestamp,
    time,
    priority,
    legacy,
    context,
    data,
  })
}
