import { TidingsError } from '../kernel/errors.ts'
import { parseStream } from '../store/store.ts'
import type { ParkedEvent, ParkedState } from '../subscriber/parked-event.ts'
import { typeMatcher } from './type-matcher.ts'

/** Which parked events. Everything given must hold; nothing given means all. */
export interface ParkedFilter {
  readonly subscription?: string | undefined
  readonly state?: ParkedState | readonly ParkedState[] | undefined
  /** A type or a wildcard (`*` one segment, `**` the rest), or several of which one must match. */
  readonly type?: string | readonly string[] | undefined
  /** As `category/key` or `tenant/category/key`. */
  readonly stream?: string | undefined
  /** Of the last error; see `parked.groups`. */
  readonly fingerprint?: string | undefined
  readonly tenant?: string | undefined
  /** The event's own id: where every subscription stands that has it parked. */
  readonly eventId?: string | undefined
  /** Parked events by their ids, `subscription/run/partition/offset`. */
  readonly id?: string | readonly string[] | undefined
}

export const parkedStates: readonly ParkedState[] = ['retry', 'dead', 'behind', 'upgrade']

export interface CheckedFilter {
  matches(parked: ParkedEvent): boolean
  /** Whether anything narrows it beside the state. */
  readonly narrow: boolean
  readonly subscription: string | undefined
  /** The filter as it is kept in the audit: what was given, no more. */
  readonly said: Readonly<Record<string, unknown>>
}

/** Throws one `TIDINGS_INVALID_OPTION` naming the field that is wrong. */
export function checkFilter(filter: ParkedFilter, defaultStates: readonly ParkedState[] = parkedStates): CheckedFilter {
  for (const [field, value] of Object.entries(filter)) {
    if (!known.has(field)) throw invalid(field, 'is no filter of parked events')
    if (value === undefined) continue
    const texts: readonly unknown[] = Array.isArray(value) ? value : [value]
    if (texts.length === 0 || texts.some((text) => typeof text !== 'string' || text === '')) {
      throw invalid(field, 'must be text that is not empty')
    }
  }
  const states = filter.state === undefined ? defaultStates : asList(filter.state)
  for (const state of states) {
    if (!parkedStates.includes(state)) throw invalid('state', `must be one of ${parkedStates.join(', ')}`)
  }
  const types = typeMatcher(filter.type === undefined ? [] : asList(filter.type))
  const wanted = filter.id === undefined ? undefined : new Set(asList(filter.id))
  const named = new Set([...(wanted ?? [])].map((id) => parseParkedId(id).subscription))
  const { subscription, stream, fingerprint, tenant, eventId } = filter
  return {
    matches: (parked) =>
      states.includes(parked.state) &&
      (subscription === undefined || parked.subscription === subscription) &&
      (fingerprint === undefined || parked.error?.fingerprint === fingerprint) &&
      (eventId === undefined || parked.eventId === eventId) &&
      (tenant === undefined || parseStream(parked.stream).tenant === tenant) &&
      (stream === undefined || isStream(parked.stream, stream)) &&
      (wanted === undefined || wanted.has(publicId(parked))) &&
      types.matches(parked.type),
    narrow: Object.entries(filter).some(([field, value]) => field !== 'state' && value !== undefined),
    subscription: subscription ?? (named.size === 1 ? [...named][0] : undefined),
    said: Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)),
  }
}

/** What a parked event is called outside: `subscription/run/partition/offset`, without control characters. */
export function publicId(parked: Pick<ParkedEvent, 'subscription' | 'run' | 'partition' | 'offset'>): string {
  return `${parked.subscription}/${parked.run}/${parked.partition}/${parked.offset}`
}

export interface ParkedPlace {
  readonly subscription: string
  readonly run: number
  readonly partition: number
  readonly offset: number
}

/** Throws `TIDINGS_INVALID_OPTION` for text of another form. */
export function parseParkedId(id: string): ParkedPlace {
  const match = /^([^/]{1,120})\/(\d{1,9})\/(\d{1,16})\/(\d{1,16})$/.exec(id)
  if (match === null) throw invalid('id', 'must be written subscription/run/partition/offset')
  const [, subscription = '', run, partition, offset] = match
  return { subscription, run: Number(run), partition: Number(partition), offset: Number(offset) }
}

const known = new Set(['subscription', 'state', 'type', 'stream', 'fingerprint', 'tenant', 'eventId', 'id'])

/** Keys may hold slashes, so the texts are compared as wholes. */
function isStream(text: string, wanted: string): boolean {
  const { tenant, category, key } = parseStream(text)
  const short = `${category}/${key}`
  return wanted === short || wanted === `${tenant}/${short}`
}

function asList<T>(one: T | readonly T[]): readonly T[] {
  return Array.isArray(one) ? (one as readonly T[]) : [one as T]
}

function invalid(field: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', `\`${field.slice(0, 80)}\` ${rule}.`, {
    details: { field: field.slice(0, 80), rule },
  })
}
