import { typePattern } from '../events/type-pattern.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { LogQuery, Position, Store, StoredEvent } from '../store/store.ts'
import { readWholeStream } from './read-whole-stream.ts'
import { type StreamLike, streamName } from './stream-like.ts'
import { readNote } from './stream-note.ts'

/** Which events. Everything given must hold. */
export interface EventFilter {
  /** Only this stream, in version order, from the archive, too. Default: the log in commit order. */
  readonly stream?: StreamLike
  /** Types by definition, name or wildcard (`*` one segment, `**` the rest), of which one must match. */
  readonly types?: readonly (string | { readonly type: string })[]
  readonly category?: string
  readonly tenantId?: string
  readonly correlationId?: string
  /** The event that led to them. */
  readonly causationId?: string
  /** When they happened, a date or milliseconds since 1970: from inclusive, to exclusive. */
  readonly from?: Date | number
  readonly to?: Date | number
  /** Only after this position. */
  readonly after?: Position
  /** Most events. Default: all there are now. */
  readonly limit?: number
}

/** Events read at a time. */
const page = 500

/** What matches, page by page in bounded memory. Throws `TIDINGS_INVALID_OPTION` for a filter that is none. */
export async function* queryEvents(store: Store, filter: EventFilter): AsyncGenerator<StoredEvent> {
  const { limit = Number.POSITIVE_INFINITY, stream } = filter
  if (limit !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(limit) && limit >= 0))
    throw invalid('limit', 'to be a whole number of at least 0')
  const query = logQueryOf(filter)
  const matches = matcherOf(filter, query)
  let left = limit
  for await (const events of stream === undefined ? readLog(store, query) : readOne(store, stream)) {
    for (const stored of events) {
      if (left <= 0) return
      if (!matches(stored)) continue
      left--
      yield stored
    }
  }
}

async function* readLog(store: Store, query: Omit<LogQuery, 'limit'>): AsyncGenerator<readonly StoredEvent[]> {
  for (let { after } = query; ; ) {
    const { events, through } = await store.readAll({ ...query, after, limit: page })
    yield events
    if (through <= after) return
    after = through
  }
}

async function* readOne(store: Store, like: StreamLike): AsyncGenerator<readonly StoredEvent[]> {
  const stream = streamName(like)
  yield* readWholeStream(store, stream, (await readNote(store, stream)).note)
}

/** What the store can tell by itself. */
function logQueryOf(filter: EventFilter): Omit<LogQuery, 'limit'> {
  const { types, category, tenantId, correlationId, causationId, after = 0 } = filter
  const names = types?.map(nameOf)
  for (const name of names ?? []) typePattern(name)
  const exact = names?.every((name) => !name.includes('*')) === true
  const [from, to] = [timeOf('from', filter.from), timeOf('to', filter.to)]
  return {
    after,
    ...(exact && names !== undefined ? { types: names } : {}),
    ...(category === undefined ? {} : { categories: [category] }),
    ...(tenantId === undefined ? {} : { tenant: tenantId }),
    ...(correlationId === undefined ? {} : { correlation: correlationId }),
    ...(causationId === undefined ? {} : { causation: causationId }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  }
}

function matcherOf(filter: EventFilter, query: Omit<LogQuery, 'limit'>): (stored: StoredEvent) => boolean {
  const patterns = filter.types?.map((type) => typePattern(nameOf(type)))
  const { after, categories, tenant, correlation, causation, from, to } = query
  return ({ record, position }) =>
    position > after &&
    (patterns === undefined || patterns.some((matches) => matches(record.type))) &&
    (categories === undefined || categories.includes(record.category)) &&
    (tenant === undefined || record.tenant === tenant) &&
    (correlation === undefined || record.correlation === correlation) &&
    (causation === undefined || record.causation === causation) &&
    (from === undefined || record.time >= from) &&
    (to === undefined || record.time < to)
}

function nameOf(type: string | { readonly type: string }): string {
  return typeof type === 'string' ? type : type.type
}

function timeOf(field: string, time: Date | number | undefined): number | undefined {
  const at = time instanceof Date ? time.getTime() : time
  if (at === undefined || Number.isFinite(at)) return at
  throw invalid(field, 'to be a date or milliseconds since 1970')
}

function invalid(field: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', `Expected \`${field}\` ${rule}.`, { details: { field } })
}
