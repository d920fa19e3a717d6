import { type Registration, subscriptionsCollection } from '../bus/registration.ts'
import type { Position, Store } from '../store/store.ts'
import type { EngineStatus } from '../subscriber/engine-status.ts'
import { type ParkedState, parkedCollection, readParked } from '../subscriber/parked-event.ts'
import { requestsCollection } from '../subscriber/requests.ts'
import type { Owner, Ownership } from './owners.ts'
import { type Positions, readPositions } from './positions.ts'
import { readDocuments } from './read-documents.ts'
import { typeMatcher } from './type-matcher.ts'

/** One subscription as the store knows it, whichever process runs it. Times are milliseconds since 1970. */
export interface SubscriptionOverview {
  readonly name: string
  readonly patterns: readonly string[]
  readonly order: Registration['order']
  readonly mode: Registration['mode']
  readonly run: number
  readonly registeredAt: number
  /** It hears events after this position. */
  readonly start: Position
  readonly partitions: readonly PartitionOverview[]
  /** Instances that live and own at least one partition. */
  readonly owners: readonly string[]
  /** Events it has yet to look at. */
  readonly waiting: Waiting
  readonly parked: ParkedCounts
  /** What operators have asked and no owner has carried out yet. */
  readonly requests: number
  /** What this process knows of it, where it runs here. */
  readonly here?: EngineStatus
}

export interface PartitionOverview {
  readonly partition: number
  /** Everything at or below is handled or parked. */
  readonly watermark: Position
  readonly owner: Owner
}

export interface Waiting {
  /** How many, counted up to a limit. */
  readonly events: number
  /** Whether there are more than were counted. */
  readonly more: boolean
  /** When the first of them happened. */
  readonly oldest?: number
}

export type ParkedCounts = Readonly<Record<ParkedState, number>>

export interface OverviewOptions {
  /** Most waiting events counted for each subscription. Default 1,000. */
  readonly count?: number | undefined
}

export interface OverviewParts {
  readonly store: Store
  readonly look: () => Promise<Ownership>
  /** What this process knows, by subscription. */
  here(name: string): EngineStatus | undefined
}

/** All registered subscriptions, in order of name. */
export async function overviewOf(
  parts: OverviewParts,
  options: OverviewOptions = {},
): Promise<readonly SubscriptionOverview[]> {
  const { store } = parts
  const registrations = await readRegistrations(store)
  const ownership = await parts.look()
  const parked = await countParked(store)
  const requests = await countRequests(store)
  const overviews: SubscriptionOverview[] = []
  for (const registration of registrations) {
    const { name, patterns, order, mode, run, registeredAt, start } = registration
    const positions = await readPositions(store, registration)
    const partitions = positions.partitions.map(({ partition, watermark }) => ({
      partition,
      watermark,
      owner: ownership.of(`${name}/${run}`, partition),
    }))
    const here = parts.here(name)
    overviews.push({
      name,
      patterns,
      order,
      mode,
      run,
      registeredAt,
      start,
      partitions,
      owners: [...new Set(partitions.map(({ owner }) => (owner.state === 'alive' ? owner.instance : '')))]
        .filter((id) => id !== '')
        .sort(),
      waiting: await countWaiting(store, registration, positions, options.count ?? 1_000),
      parked: parked.get(name) ?? noParked,
      requests: requests.get(name) ?? 0,
      ...(here === undefined ? {} : { here }),
    })
  }
  return overviews
}

export async function readRegistrations(store: Store): Promise<readonly Registration[]> {
  const registrations: Registration[] = []
  for await (const { body } of readDocuments(store, subscriptionsCollection))
    registrations.push(JSON.parse(body) as Registration)
  return registrations
}

/** True where listeners have heard everything when publish returned and keep no positions: inline, on a store that dies with its process. */
export function hearsAtOnce(store: Store, { mode }: Pick<Registration, 'mode'>): boolean {
  return mode === 'inline' && store.capabilities.durability === 'memory'
}

const noParked: ParkedCounts = Object.freeze({ retry: 0, dead: 0, behind: 0, upgrade: 0 })

/** Events read at a time while counting. */
const page = 500

async function countWaiting(
  store: Store,
  registration: Registration,
  positions: Positions,
  most: number,
): Promise<Waiting> {
  if (hearsAtOnce(store, registration)) return { events: 0, more: false }
  const types = typeMatcher(registration.patterns)
  let events = 0
  let oldest: number | undefined
  for (let after = positions.low; ; ) {
    const { events: found, through } = await store.readAll({
      after,
      limit: page,
      ...(types.names === undefined ? {} : { types: types.names }),
    })
    for (const { record, partition, position } of found) {
      if (!types.matches(record.type) || positions.done(partition, position)) continue
      // The relay passes over what others have published.
      if (registration.source !== undefined && record.source !== registration.source) continue
      if (events === most) return { events, more: true, ...(oldest === undefined ? {} : { oldest }) }
      events++
      oldest = Math.min(oldest ?? record.time, record.time)
    }
    // A page may end before it is full; only one that leads nowhere is the last.
    if (through <= after) return { events, more: false, ...(oldest === undefined ? {} : { oldest }) }
    after = through
  }
}

async function countParked(store: Store): Promise<Map<string, ParkedCounts>> {
  const counts = new Map<string, Record<ParkedState, number>>()
  for await (const document of readDocuments(store, parkedCollection)) {
    const { subscription, state } = readParked(document)
    let count = counts.get(subscription)
    if (count === undefined) counts.set(subscription, (count = { ...noParked }))
    count[state]++
  }
  return counts
}

async function countRequests(store: Store): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for await (const { id } of readDocuments(store, requestsCollection)) {
    const name = id.slice(0, id.indexOf('/'))
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}
