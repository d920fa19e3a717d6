import { type StreamLike, streamName } from '../bus/stream-like.ts'
import { typePattern } from '../events/type-pattern.ts'
import { Mistakes } from '../kernel/mistakes.ts'
import { attribute } from '../prepare/attributes.ts'
import { type Position, streamText } from '../store/store.ts'
import type { ReplayPart } from '../subscriber/replay-run.ts'

/** Which part of history to run again, and what it may do. */
export interface ReplayFilter {
  /** From this time (inclusive) or after this position; default the beginning. */
  readonly from?: Date | Position
  /** Up to this time (exclusive) or position (inclusive); default the head of the log now. */
  readonly to?: Date | Position
  /** Only these types, of those the subscription hears: definitions, names, or wildcards (`*` one segment, `**` the rest). */
  readonly types?: readonly (string | { readonly type: string })[]
  /** Only these streams. At most 1,000. */
  readonly streams?: readonly StreamLike[]
  /** Only this tenant's events. */
  readonly tenant?: string
  /** Events a second, at most, in each process that carries it out; default as fast as it can. Live work goes on beside it either way. */
  readonly rate?: number
  /** `allow`: `effect` calls what has no record yet. Default `skip`: it answers with the record, or undefined. */
  readonly effects?: 'skip' | 'allow'
  /** `allow`: what handlers publish is published again. Default `suppress`. */
  readonly publishes?: 'suppress' | 'allow'
  /** Who asks, for the record. */
  readonly by?: string
}

/** A part of history, and the subscription to run it through. */
export interface ReplayRequest extends ReplayFilter {
  readonly subscription: string
}

/** What may be said of a replay. */
export const requestNames: Readonly<Record<keyof ReplayRequest, true>> = {
  subscription: true,
  from: true,
  to: true,
  types: true,
  streams: true,
  tenant: true,
  rate: true,
  effects: true,
  publishes: true,
  by: true,
}

/** Most streams of one replay. */
const mostStreams = 1_000

/** What a filter leaves in, as it is kept. Throws one `TIDINGS_INVALID_OPTION` that names every mistake. */
export function checkedPart(filter: ReplayFilter): ReplayPart {
  const mistakes = new Mistakes()
  mistakes.refuseUnknown(filter, requestNames)
  const { from, to, types, streams, tenant: of, rate, effects = 'skip', publishes = 'suppress' } = filter
  for (const [field, place] of Object.entries({ from, to }))
    mistakes.expect(place === undefined || isPlace(place), `\`${field}\` to be a date or a position`, place)
  mistakes.expect(types === undefined || Array.isArray(types), '`types` to be a list', types)
  const names = Array.isArray(types) ? types.map(nameOf) : undefined
  for (const name of names ?? []) mistakes.read(() => void typePattern(name), undefined)
  mistakes.expect(
    streams === undefined || (Array.isArray(streams) && streams.length <= mostStreams),
    `\`streams\` to be a list of at most ${mostStreams}`,
  )
  const texts = Array.isArray(streams)
    ? streams.map((like: StreamLike) => mistakes.read(() => streamText(streamName(like)), ''))
    : undefined
  const tenant = of === undefined ? undefined : mistakes.read(() => attribute('tenant', of), '')
  mistakes.expect(
    rate === undefined || (typeof rate === 'number' && Number.isFinite(rate) && rate > 0),
    '`rate` to be more than 0 events a second',
    rate,
  )
  mistakes.expect(effects === 'skip' || effects === 'allow', "`effects` to be 'skip' or 'allow'", effects)
  mistakes.expect(
    publishes === 'suppress' || publishes === 'allow',
    "`publishes` to be 'suppress' or 'allow'",
    publishes,
  )
  mistakes.throwAny('Cannot replay')
  return {
    ...(names === undefined ? {} : { types: names }),
    ...(texts === undefined ? {} : { streams: texts }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(from instanceof Date ? { since: from.getTime() } : {}),
    ...(to instanceof Date ? { until: to.getTime() } : {}),
    ...(rate === undefined ? {} : { rate }),
    ...(effects === 'allow' ? { effects } : {}),
    ...(publishes === 'allow' ? { publishes } : {}),
  }
}

function isPlace(place: unknown): boolean {
  if (place instanceof Date) return Number.isFinite(place.getTime())
  return Number.isSafeInteger(place) && (place as number) >= 0
}

function nameOf(type: unknown): string {
  const name: unknown = typeof type === 'object' && type !== null ? (type as { type?: unknown }).type : type
  return typeof name === 'string' ? name : ''
}
