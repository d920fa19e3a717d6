import { subscriptionsCollection } from '../bus/registration.ts'
import type { DocumentChange } from '../store/store.ts'
import { inlineCollection } from '../subscriber/inline-promise.ts'
import { parkedCollection } from '../subscriber/parked-event.ts'
import { checkpointsCollection, fencesCollection, marksCollection } from '../subscriber/partition-state.ts'
import { requestsCollection } from '../subscriber/requests.ts'
import type { Carrier } from './carry-on.ts'
import { collectionName, type Generation, type ProjectionState, subscriptionName } from './generation.ts'
import { dropTables } from './generation-sql.ts'
import { readState, replaceState } from './state-store.ts'
import { tablesGone, withoutGeneration } from './transitions.ts'

/** How long feeders have to hear that a generation leaves before its tables go, in milliseconds. */
const grace = 3_000

/** For how long what it leaves behind is cleared away again: a process that stood still may have gone on for a moment. In milliseconds. */
const patience = 60_000

/** Documents deleted by one commit, and commits of one look. */
const batch = 500
const most = 40

/**
 * Takes a generation away, a bounded step at a time: its tables, its documents, everything that its subscription has left. Numbers are never given twice,
 * so whoever still worked on it can harm nothing else.
 */
export async function removeGeneration(
  carrier: Carrier,
  state: ProjectionState,
  generation: Generation,
): Promise<ProjectionState> {
  const { store, runtime, settings } = carrier
  const since = runtime.now() - (generation.endedAt ?? 0)
  if (since >= 0 && since < grace) return state
  const { number } = generation
  if (generation.tables.length > 0) {
    const { state: current, version } = await readState(store, settings.name)
    if (current === undefined) return state
    const next = tablesGone(current, number)
    const dropped = await replaceState(store, next, version, {
      statements: dropTables(store.capabilities.sql, generation),
    })
    return dropped ? next : current
  }
  const name = subscriptionName(settings.name, number)
  const places: (readonly [collection: string, prefix: string])[] = [
    [subscriptionsCollection, name],
    ...[
      requestsCollection,
      parkedCollection,
      marksCollection,
      inlineCollection,
      checkpointsCollection,
      fencesCollection,
    ].map((collection) => [collection, `${name}/`] as const),
    ['owners', `${name}/`],
    ...generation.collections.map((collection) => [collectionName(settings.name, collection, number), ''] as const),
  ]
  let clean = true
  for (let step = 0; step < most && !carrier.closed(); ) {
    const [place] = places
    if (place === undefined) break
    const [collection, prefix] = place
    const found = await store.find(collection, { prefix, limit: batch })
    const gone = found
      .filter(({ id }) => collection !== subscriptionsCollection || id === name)
      .map(({ id }): DocumentChange => ({ collection, id, delete: true }))
    if (gone.length === 0) {
      places.shift()
      continue
    }
    step++
    clean = false
    const [result] = await store.commit([{ documents: gone }])
    if (result?.status === 'refused') throw result.error
  }
  if (places.length > 0 || !clean || (since >= 0 && since < patience)) return state
  const { state: current, version } = await readState(store, settings.name)
  if (current === undefined) return state
  const next = withoutGeneration(current, number)
  return (await replaceState(store, next, version)) ? next : current
}
