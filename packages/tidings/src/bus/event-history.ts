import type { Event } from '../events/event.ts'
import { eventOf, verifyChecksum } from '../events/record-codec.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { LogQuery, Position, Store, StoredEvent, StreamName } from '../store/store.ts'

/** An event with its place. */
export interface HistoricEvent extends Event<unknown> {
  readonly position: Position
  readonly streamVersion: number
}

/** A stream by its parts, or as `category/key` or `tenant/category/key`. */
export type StreamLike = string | { readonly category: string; readonly key: string; readonly tenant?: string }

/** Reads the log for people and programs. Pages behind the scenes; nothing stays open between them. */
export interface EventHistory {
  /** The events of one stream, in version order. */
  readStream(
    stream: StreamLike,
    options?: { readonly from?: number; readonly reverse?: boolean },
  ): AsyncIterable<HistoricEvent>
  /** The log in commit order, filtered. Ends at its head. */
  readAll(query?: Partial<Omit<LogQuery, 'limit'>>): AsyncIterable<HistoricEvent>
  getEvents(stream: StreamLike): Promise<readonly HistoricEvent[]>
  getEventsByCorrelationId(correlationId: string): Promise<readonly HistoricEvent[]>
  getEvent(id: string): Promise<HistoricEvent | undefined>
}

const page = 500

export function eventHistory(store: Store): EventHistory {
  async function* readStream(
    like: StreamLike,
    options: { readonly from?: number; readonly reverse?: boolean } = {},
  ): AsyncGenerator<HistoricEvent> {
    const stream = streamName(like)
    let from = options.from
    for (;;) {
      const events = await store.readStream(stream, {
        limit: page,
        ...(from === undefined ? {} : { from }),
        ...(options.reverse === undefined ? {} : { reverse: options.reverse }),
      })
      for (const stored of events) yield historic(stored)
      const last = events.at(-1)
      if (last === undefined || events.length < page) return
      from = last.streamVersion + (options.reverse === true ? -1 : 1)
      if (from < 1) return
    }
  }

  async function* readAll(query: Partial<Omit<LogQuery, 'limit'>> = {}): AsyncGenerator<HistoricEvent> {
    let after = query.after ?? 0
    for (;;) {
      const { events, through } = await store.readAll({ ...query, after, limit: page })
      for (const stored of events) yield historic(stored)
      // A page may end before it is full; only one that leads nowhere is the last.
      if (through <= after) return
      after = through
    }
  }

  return {
    readStream,
    readAll,
    getEvents: (stream) => collect(readStream(stream)),
    getEventsByCorrelationId: (correlation) => collect(readAll({ correlation })),
    getEvent: async (id) => (await collect(readAll({ id })))[0],
  }
}

async function collect<T>(from: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = []
  for await (const one of from) all.push(one)
  return all
}

function historic(stored: StoredEvent): HistoricEvent {
  const { record } = stored
  verifyChecksum(record)
  const event = eventOf(record)
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

export function streamName(like: StreamLike): StreamName {
  if (typeof like !== 'string') return { tenant: like.tenant ?? '', category: like.category, key: like.key }
  const parts = like.split('/')
  if (parts.length === 2) return { tenant: '', category: parts[0] as string, key: parts[1] as string }
  if (parts.length === 3) return { tenant: parts[0] as string, category: parts[1] as string, key: parts[2] as string }
  throw new TidingsError(
    'TIDINGS_INVALID_OPTION',
    "Expected `stream` to be 'category/key' or 'tenant/category/key', or an object with those parts.",
    { details: { field: 'stream' } },
  )
}
