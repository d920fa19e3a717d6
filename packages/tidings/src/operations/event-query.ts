import { type StreamLike, streamName } from '../bus/stream-like.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { LogQuery, Position, Store, StoredEvent } from '../store/store.ts'
import { parseStream, streamText } from '../store/store.ts'
import { typeMatcher } from './type-matcher.ts'

/** Which events of the log. Everything given must hold. */
export interface EventQuery {
  /** Types and wildcards (`*` one segment, `**` the rest) of which one must match. */
  readonly types?: readonly string[] | undefined
  readonly stream?: StreamLike | undefined
  readonly category?: string | undefined
  readonly key?: string | undefined
  readonly tenant?: string | undefined
  readonly correlation?: string | undefined
  readonly causation?: string | undefined
  readonly id?: string | undefined
  /** Event time in milliseconds since 1970: from inclusive, until exclusive. */
  readonly since?: number | undefined
  readonly until?: number | undefined
}

export interface CompiledQuery {
  /** What the store filters by itself. */
  readonly log: Omit<LogQuery, 'after' | 'limit' | 'upTo'>
  /** What is left to look at. */
  readonly matches: (stored: StoredEvent) => boolean
}

/** Throws `TIDINGS_INVALID_OPTION` naming the field. */
export function compileQuery(query: EventQuery): CompiledQuery {
  for (const field of ['since', 'until'] as const) {
    const value = query[field]
    if (value !== undefined && !Number.isFinite(value))
      throw new TidingsError('TIDINGS_INVALID_OPTION', `Expected \`${field}\` to be milliseconds since 1970.`, {
        details: { field },
      })
  }
  const types = typeMatcher(query.types ?? [])
  const { tenant, correlation, causation, id, since, until, key } = query
  const stream = query.stream === undefined ? undefined : streamName(query.stream)
  const text = stream === undefined ? undefined : streamText(stream)
  const category = query.category ?? stream?.category
  return {
    log: {
      ...(types.names === undefined ? {} : { types: types.names }),
      ...(category === undefined ? {} : { categories: [category] }),
      ...(tenant === undefined ? {} : { tenant }),
      ...(correlation === undefined ? {} : { correlation }),
      ...(causation === undefined ? {} : { causation }),
      ...(id === undefined ? {} : { id }),
      ...(since === undefined ? {} : { from: since }),
      ...(until === undefined ? {} : { to: until }),
    },
    matches: (stored) =>
      types.matches(stored.record.type) &&
      (text === undefined || stored.stream === text) &&
      (key === undefined || parseStream(stored.stream).key === key),
  }
}

/** Events read at a time. */
const page = 500

/** The log after a position up to its present end, filtered, in commit order and bounded memory. */
export async function* searchEvents(
  store: Store,
  query: EventQuery & { readonly after?: Position | undefined; readonly limit?: number | undefined } = {},
): AsyncGenerator<StoredEvent> {
  const { log, matches } = compileQuery(query)
  let left = query.limit ?? Number.POSITIVE_INFINITY
  for (let after = query.after ?? 0; left > 0; ) {
    const { events, through } = await store.readAll({ ...log, after, limit: page })
    for (const stored of events) {
      if (!matches(stored)) continue
      yield stored
      if (--left <= 0) return
    }
    // A page may end before it is full; only one that leads nowhere is the last.
    if (through <= after) return
    after = through
  }
}
