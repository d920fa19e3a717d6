import { type Routed, routedRecord } from '../bridge/route.ts'
import { readRoute } from '../bridge/route-note.ts'
import type { Registration } from '../bus/registration.ts'
import type { EventRecord } from '../events/record.ts'
import { TidingsError } from '../kernel/errors.ts'
import { type Position, parseStream, type Store, type StoredEvent } from '../store/store.ts'
import { type ParkedState, parkedCollection, parkedId, readParked } from '../subscriber/parked-event.ts'
import { type DroppedMark, findDropped } from './audit.ts'
import { hearsAtOnce, readRegistrations } from './overview.ts'
import type { Owner, Ownership } from './owners.ts'
import { publicId } from './parked-filter.ts'
import { readPositions } from './positions.ts'
import { typeMatcher } from './type-matcher.ts'

/** Where one event is, and what each subscription of this store has to do with it. */
export interface Explanation {
  readonly event: {
    readonly id: string
    readonly source: string
    readonly type: string
    readonly tenant: string
    readonly category: string
    readonly key: string
    /** When it happened, milliseconds since 1970. */
    readonly time: number
    readonly position: Position
    readonly streamVersion: number
    readonly partition: number
    readonly correlation: string
    readonly causation: string
  }
  readonly subscriptions: readonly SubscriptionExplanation[]
  /** Behind a broker: where an event of this service is to go, and by which rule; absent where that is not known. */
  readonly route?: Routed
}

/**
 * What a subscription has to do with an event.
 *   no-match      its patterns do not cover the type
 *   before-start  it was registered later and hears only what came after
 *   handled       it is done with it: handled, or let pass by its own filter
 *   dropped       an operator has dropped it
 *   parked        it is set aside; `parked` says why
 *   waiting       it has not got to it yet
 */
export type Standing = 'no-match' | 'before-start' | 'handled' | 'dropped' | 'parked' | 'waiting'

export interface SubscriptionExplanation {
  readonly name: string
  readonly standing: Standing
  /** The same as a sentence. */
  readonly why: string
  readonly patterns: readonly string[]
  readonly start: Position
  /** How far its partition is; absent where nothing matches. */
  readonly watermark?: Position
  readonly owner?: Owner
  readonly parked?: {
    readonly id: string
    readonly state: ParkedState
    readonly attempts: number
    readonly due?: number
    readonly error?: {
      readonly name: string
      readonly message: string
      readonly code?: string
      readonly fingerprint: string
    }
    /** Id of the parked event at the front of its stream. */
    readonly blockedBy?: string
  }
  readonly dropped?: DroppedMark
}

/**
 * Explains all events of this id (ids are unique for each source). It speaks for the store it looks at, and not for subscriptions of other
 * stores. Rejects with `TIDINGS_NOT_FOUND` where the log does not hold it.
 */
export async function explain(
  parts: {
    readonly store: Store
    readonly look: () => Promise<Ownership>
    /** Where this program knows how its service routes. */
    readonly routeOf?: (record: EventRecord) => Routed | undefined
  },
  eventId: string,
): Promise<readonly Explanation[]> {
  const { store } = parts
  if (typeof eventId !== 'string' || eventId === '')
    throw new TidingsError('TIDINGS_INVALID_OPTION', 'Expected `eventId` to be the id of an event.', {
      details: { field: 'eventId' },
    })
  const { events } = await store.readAll({ after: 0, limit: 100, id: eventId })
  if (events.length === 0) {
    throw new TidingsError(
      'TIDINGS_NOT_FOUND',
      `The log of this store holds no event ${eventId.slice(0, 200)}: never published here, or removed by retention.`,
      {
        details: { field: 'eventId' },
      },
    )
  }
  const registrations = await readRegistrations(store)
  const ownership = await parts.look()
  const noted = await readRoute(store)
  const relayed = registrations.find(({ source }) => source !== undefined)
  const explanations: Explanation[] = []
  for (const stored of events) {
    const { record } = stored
    const route =
      record.source === relayed?.source ? (parts.routeOf?.(record) ?? noted?.(routedRecord(record))) : undefined
    const subscriptions: SubscriptionExplanation[] = []
    for (const registration of registrations)
      subscriptions.push(
        routedPast(registration, stored, route) ?? (await explainOne(store, ownership, registration, stored)),
      )
    explanations.push({ event: placeOf(stored), subscriptions, ...(route === undefined ? {} : { route }) })
  }
  return explanations
}

/** What never reaches a subscription, because it came from elsewhere or is routed past it. */
function routedPast(
  { name, patterns, start, source }: Registration,
  { record }: StoredEvent,
  route: Routed | undefined,
): SubscriptionExplanation | undefined {
  const known = { name, patterns, start, standing: 'no-match' } as const
  if (source !== undefined && record.source !== source)
    return { ...known, why: `It hands over what ${source} publishes, and this came from ${record.source}.` }
  if (source !== undefined && route?.to === 'local') return { ...known, why: `${ruleOf(route)} keeps the event here.` }
  if (source === undefined && route?.to === 'remote' && typeMatcher(patterns).matches(record.type))
    return { ...known, why: `${ruleOf(route)} sends the event to the broker alone.` }
  return undefined
}

function ruleOf({ rule }: Routed): string {
  return rule.startsWith('function') ? 'The function `route`' : `The route \`${rule}\``
}

async function explainOne(
  store: Store,
  ownership: Ownership,
  registration: Registration,
  stored: StoredEvent,
): Promise<SubscriptionExplanation> {
  const { name, patterns, start, run } = registration
  const { position, partition, stream, record } = stored
  const known = { name, patterns, start }
  if (!typeMatcher(patterns).matches(record.type)) {
    return {
      ...known,
      standing: 'no-match',
      why: `It hears ${patterns.join(', ')}, and ${record.type} is none of these.`,
    }
  }
  if (position <= start) {
    return {
      ...known,
      standing: 'before-start',
      why: `It hears events after position ${start}, and this one stands at ${position}.`,
    }
  }
  // The checkpoint first: what it does not count as done may be parked or handled by the time we look, and that is told then.
  const positions = await readPositions(store, registration)
  const watermark = positions.partitions[partition]?.watermark ?? start
  const place = { ...known, watermark, owner: ownership.of(`${name}/${run}`, partition) }
  const id = parkedId({ subscription: name, run, stream, offset: position })
  const [document] = await store.find(parkedCollection, { id })
  if (document !== undefined)
    return { ...place, standing: 'parked', ...(await parkedStanding(store, readParked(document))) }
  if (hearsAtOnce(store, registration) || positions.done(partition, position)) {
    const dropped = await findDropped(store, id)
    if (dropped !== undefined) return { ...place, standing: 'dropped', dropped, why: `${dropped.by} had it dropped.` }
    return {
      ...place,
      standing: 'handled',
      why:
        registration.source === undefined
          ? 'It is done with it: its handler ran, or its filter let the event pass.'
          : 'The broker has it.',
    }
  }
  return { ...place, standing: 'waiting', why: whyWaiting(place.owner, watermark) }
}

async function parkedStanding(
  store: Store,
  parked: ReturnType<typeof readParked>,
): Promise<Pick<SubscriptionExplanation, 'parked' | 'why'>> {
  const { state, attempts, due, error } = parked
  const prefix = parkedId(parked).slice(0, -16)
  const [front] = (await store.find(parkedCollection, { prefix, limit: 1 })).map(readParked)
  const blockedBy =
    state === 'behind' && front !== undefined && front.stream === parked.stream && front.offset < parked.offset
      ? publicId(front)
      : undefined
  const shown =
    error === undefined
      ? undefined
      : {
          name: error.name,
          message: error.message,
          fingerprint: error.fingerprint,
          ...(error.code === undefined ? {} : { code: error.code }),
        }
  return {
    parked: {
      id: publicId(parked),
      state,
      attempts,
      ...(due === undefined ? {} : { due }),
      ...(shown === undefined ? {} : { error: shown }),
      ...(blockedBy === undefined ? {} : { blockedBy }),
    },
    why: whyParked(parked, blockedBy),
  }
}

function whyParked({ state, attempts, error }: ReturnType<typeof readParked>, blockedBy: string | undefined): string {
  const failure = error === undefined ? '' : ` with ${error.name}`
  switch (state) {
    case 'dead':
      return `It failed for good after ${count(attempts)}${failure}, and waits for somebody to redrive or drop it.`
    case 'retry':
      return `It failed ${attempts === 0 ? 'earlier' : count(attempts)}${failure}, and runs again when it is due.`
    case 'upgrade':
      return 'Its version is newer than the handler knows; it runs when a newer program takes over.'
    case 'behind':
      return `It waits for an earlier event of its stream${blockedBy === undefined ? '' : `, ${blockedBy}`}.`
  }
}

function whyWaiting(owner: Owner, watermark: Position): string {
  switch (owner.state) {
    case 'alive':
      return `Its turn has not come; the partition is done up to position ${watermark}.`
    case 'gone':
    case 'none':
      return `No instance looks after its partition; done up to position ${watermark}.`
    case 'unknown':
      return `Nothing tells of an instance of this subscription; done up to position ${watermark}.`
  }
}

function count(attempts: number): string {
  return attempts === 1 ? '1 attempt' : `${attempts} attempts`
}

function placeOf({ record, position, streamVersion, partition, stream }: StoredEvent): Explanation['event'] {
  const { id, source, type, time, correlation, causation } = record
  return { id, source, type, ...parseStream(stream), time, position, streamVersion, partition, correlation, causation }
}
