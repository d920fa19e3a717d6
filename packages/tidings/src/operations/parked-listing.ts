import { TidingsError } from '../kernel/errors.ts'
import { blank } from '../resilience/fingerprint.ts'
import { parseStream, type Store, type StoredDocument } from '../store/store.ts'
import {
  isInLog,
  ownerOf,
  type ParkedError,
  type ParkedEvent,
  type ParkedState,
  parkedCollection,
  parkedId,
  readParked,
} from '../subscriber/parked-event.ts'
import { type CheckedFilter, checkFilter, type ParkedFilter, parseParkedId, publicId } from './parked-filter.ts'
import { readDocuments } from './read-documents.ts'

/** One parked event, for people and programs. Times are milliseconds since 1970. */
export interface ParkedEntry {
  /** `subscription/run/partition/offset`. */
  readonly id: string
  readonly subscription: string
  readonly run: number
  readonly partition: number
  readonly offset: number
  /** Empty where there is none. */
  readonly tenant: string
  readonly category: string
  readonly key: string
  /** Empty where its bytes could not be read. */
  readonly type: string
  readonly eventId: string
  readonly state: ParkedState
  /** Whether later events of its stream wait for it. */
  readonly blocking: boolean
  readonly attempts: number
  readonly parkedAt: number
  readonly firstFailedAt?: number
  readonly lastFailedAt?: number
  readonly due?: number
  readonly error?: ParkedError
  /** Of deliveries that could not be taken in: how many bytes came. */
  readonly rawBytes?: number
}

export interface ParkedPage {
  readonly items: readonly ParkedEntry[]
  /** Give it as `after` to go on; absent at the end. */
  readonly next?: string
}

export interface ParkedQuery extends ParkedFilter {
  /** Default 100. */
  readonly limit?: number | undefined
  readonly after?: string | undefined
}

/** A parked event with the document it was read from. */
export interface FoundParked {
  readonly parked: ParkedEvent
  readonly document: Pick<StoredDocument, 'id' | 'version'>
}

/** Parked events that match, in order of subscription, run, stream and place. */
export async function listParked(store: Store, query: ParkedQuery = {}): Promise<ParkedPage> {
  const { limit = 100, after, ...rest } = query
  if (!Number.isInteger(limit) || limit < 1) {
    throw new TidingsError('TIDINGS_INVALID_OPTION', 'Expected `limit` to be a whole number of at least 1.', {
      details: { field: 'limit' },
    })
  }
  const items: ParkedEntry[] = []
  let last = ''
  for await (const { parked, document } of findParked(
    store,
    checkFilter(rest),
    after === undefined ? undefined : cursor(after),
  )) {
    // One more than asked for tells whether there is a next page.
    if (items.length === limit) return { items, next: Buffer.from(last).toString('base64url') }
    items.push(entryOf(parked))
    last = document.id
  }
  return { items }
}

/** All that match, one after another, in bounded memory. `after` is the id of a parked document. */
export async function* findParked(store: Store, filter: CheckedFilter, after?: string): AsyncGenerator<FoundParked> {
  const prefix = filter.subscription === undefined ? '' : `${filter.subscription}/`
  for await (const document of readDocuments(store, parkedCollection, { prefix, after })) {
    const parked = readParked(document)
    if (filter.matches(parked)) yield { parked, document: { id: document.id, version: document.version } }
  }
}

/** The parked event of a public id; undefined where it is not parked (any more). */
export async function findOneParked(store: Store, id: string): Promise<FoundParked | undefined> {
  const place = parseParkedId(id)
  // On a store that is its own transport the event itself tells the stream, and so the document's name.
  const { events } = isInLog(place)
    ? await store.readAll({ after: place.offset - 1, upTo: place.offset, limit: 1 })
    : { events: [] }
  if (events[0] !== undefined) {
    const [document] = await store.find(parkedCollection, { id: parkedId({ ...place, stream: events[0].stream }) })
    if (document !== undefined) return { parked: readParked(document), document }
  }
  const owned = await store.find(parkedCollection, { by: { index: 'owner', equal: ownerOf(place) }, limit: 1_000_000 })
  const document = owned.find((one) => readParked(one).offset === place.offset)
  return document === undefined ? undefined : { parked: readParked(document), document }
}

/** Failures that look alike. */
export interface ParkedGroup {
  /** Of the error; empty for events that wait without having failed. */
  readonly fingerprint: string
  readonly error?: {
    readonly name: string
    readonly code?: string /** Numbers, ids and quoted text blanked. */
    readonly message: string
  }
  readonly count: number
  readonly subscriptions: readonly string[]
  readonly types: readonly string[]
  readonly states: Readonly<Partial<Record<ParkedState, number>>>
  readonly first: number
  readonly last: number
  /** Public id of one of them. */
  readonly example: string
}

export interface ParkedGroups {
  /** Largest first. */
  readonly groups: readonly ParkedGroup[]
  readonly total: number
  /** Events whose group did not fit among those told of. */
  readonly elsewhere: number
}

/** Most groups told of, and most names in one: somebody's errors may all look different. */
const mostGroups = 1_000
const mostNames = 20

/** A summary of what matches, by the fingerprint of the failure. Events behind a failed one count under their own line. */
export async function groupParked(store: Store, filter: ParkedFilter = {}): Promise<ParkedGroups> {
  const groups = new Map<string, Gathered>()
  let total = 0
  let elsewhere = 0
  for await (const { parked } of findParked(store, checkFilter(filter))) {
    total++
    const fingerprint = parked.error?.fingerprint ?? ''
    let group = groups.get(fingerprint)
    if (group === undefined) {
      if (groups.size >= mostGroups) {
        elsewhere++
        continue
      }
      groups.set(fingerprint, (group = startGroup(fingerprint, parked)))
    }
    addTo(group, parked)
  }
  const sorted = [...groups.values()].sort((a, b) => b.count - a.count || (a.fingerprint < b.fingerprint ? -1 : 1))
  return {
    groups: sorted.map(({ subscriptions, types, ...group }) => ({
      ...group,
      subscriptions: [...subscriptions].sort(),
      types: [...types].sort(),
    })),
    total,
    elsewhere,
  }
}

type Gathered = Omit<ParkedGroup, 'count' | 'subscriptions' | 'types' | 'states' | 'first' | 'last'> & {
  count: number
  first: number
  last: number
  readonly subscriptions: Set<string>
  readonly types: Set<string>
  readonly states: Partial<Record<ParkedState, number>>
}

function startGroup(fingerprint: string, parked: ParkedEvent): Gathered {
  const { error } = parked
  return {
    fingerprint,
    ...(error === undefined
      ? {}
      : {
          error: {
            name: error.name,
            message: blank(error.message),
            ...(error.code === undefined ? {} : { code: error.code }),
          },
        }),
    count: 0,
    subscriptions: new Set(),
    types: new Set(),
    states: {},
    first: Number.POSITIVE_INFINITY,
    last: 0,
    example: publicId(parked),
  }
}

function addTo(group: Gathered, parked: ParkedEvent): void {
  group.count++
  group.states[parked.state] = (group.states[parked.state] ?? 0) + 1
  if (group.subscriptions.size < mostNames) group.subscriptions.add(parked.subscription)
  if (group.types.size < mostNames) group.types.add(parked.type)
  group.first = Math.min(group.first, parked.firstFailedAt ?? parked.parkedAt)
  group.last = Math.max(group.last, parked.lastFailedAt ?? parked.parkedAt)
}

export function entryOf(parked: ParkedEvent): ParkedEntry {
  const { stream, raw: _hidden, ...rest } = parked
  return { id: publicId(parked), ...rest, ...parseStream(stream) }
}

function cursor(after: string): string {
  const text = Buffer.from(after, 'base64url').toString()
  if (Buffer.from(text).toString('base64url') === after && text !== '') return text
  throw new TidingsError('TIDINGS_INVALID_OPTION', 'Expected `after` to be the `next` of an earlier page.', {
    details: { field: 'after' },
  })
}
