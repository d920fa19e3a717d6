import { TidingsError } from '../kernel/errors.ts'
import type { Position, Store } from '../store/store.ts'

export interface StatisticsOptions {
  /** Most positions of the log that are looked at, the latest ones. Default 100,000. What is asked for costs reading so many events. */
  readonly limit?: number
  /** Only this tenant's events. */
  readonly tenantId?: string
}

/** Of one type of event, or of all. */
export interface EventCount {
  readonly events: number
  /** Bytes of their data as stored. */
  readonly bytes: number
  /** Times of the oldest and the newest, milliseconds since 1970; undefined where there is none. */
  readonly oldest: number | undefined
  readonly newest: number | undefined
}

export interface StoreStatistics extends EventCount {
  /** True where these are the figures of the whole log; false: of its latest part, after `after`. */
  readonly complete: boolean
  readonly after: Position
  readonly through: Position
  readonly types: Readonly<Record<string, EventCount>>
  /** By category: how many streams have an event here, and how many events those are. */
  readonly categories: Readonly<Record<string, { readonly streams: number; readonly events: number }>>
}

/** Events read at a time. */
const page = 1_000

interface Count {
  events: number
  bytes: number
  oldest: number | undefined
  newest: number | undefined
}

/** Counts what the latest part of the log holds; never more than it was told to look at. */
export async function storeStatistics(store: Store, options: StatisticsOptions = {}): Promise<StoreStatistics> {
  const { limit = 100_000, tenantId } = options
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new TidingsError('TIDINGS_INVALID_OPTION', 'Expected `limit` to be a whole number of at least 1.', {
      details: { field: 'limit' },
    })
  }
  const head = (await store.readAll({ after: 0, limit: 1, types: [] })).through
  const after = Math.max(0, head - limit)
  const all = noCount()
  const types = new Map<string, Count>()
  const categories = new Map<string, { streams: Set<string>; events: number }>()
  for (let at = after; at < head; ) {
    const { events, through } = await store.readAll({
      after: at,
      upTo: head,
      limit: page,
      ...(tenantId === undefined ? {} : { tenant: tenantId }),
    })
    for (const { record, stream } of events) {
      let ofType = types.get(record.type)
      if (ofType === undefined) types.set(record.type, (ofType = noCount()))
      for (const count of [all, ofType]) add(count, record.time, sizeOf(record.data))
      let ofCategory = categories.get(record.category)
      if (ofCategory === undefined) categories.set(record.category, (ofCategory = { streams: new Set(), events: 0 }))
      ofCategory.streams.add(stream)
      ofCategory.events++
    }
    if (through <= at) break
    at = through
  }
  return {
    ...all,
    complete: after === 0,
    after,
    through: head,
    types: sorted(types, (count) => count),
    categories: sorted(categories, ({ streams, events }) => ({ streams: streams.size, events })),
  }
}

function noCount(): Count {
  return { events: 0, bytes: 0, oldest: undefined, newest: undefined }
}

function add(count: Count, time: number, bytes: number): void {
  count.events++
  count.bytes += bytes
  if (count.oldest === undefined || time < count.oldest) count.oldest = time
  if (count.newest === undefined || time > count.newest) count.newest = time
}

function sizeOf(data: string | Uint8Array): number {
  return typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength
}

/** By name. Names come from outside, so the object has no prototype to be changed by one of them. */
function sorted<From, To>(counts: ReadonlyMap<string, From>, shown: (count: From) => To): Readonly<Record<string, To>> {
  const all: Record<string, To> = Object.create(null) as Record<string, To>
  for (const [name, count] of [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1))) all[name] = shown(count)
  return all
}
