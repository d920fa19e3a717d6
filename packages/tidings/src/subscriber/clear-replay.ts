import type { Runtime } from '../kernel/runtime.ts'
import type { DocumentChange, Store } from '../store/store.ts'
import { parkedCollection, readParked } from './parked-event.ts'
import { fencesCollection } from './partition-state.ts'
import { type ReplayRun, replaceReplay } from './replay-run.ts'
import { requestsCollection } from './requests.ts'
import { runName } from './subscription.ts'

/** For how long a cancelled replay is looked at again, in milliseconds: an instance that stood still meanwhile may have gone on for a moment. */
const patience = 60_000

/** Documents deleted by one commit. */
const batch = 500

/** Takes away what a cancelled replay has parked and what was asked about it: nobody would ever run it, and it would hold the log for ever. */
export async function clearReplay(store: Store, runtime: Runtime, replay: ReplayRun, version: number): Promise<void> {
  const prefix = `${runName({ settings: { name: replay.subscription }, run: replay.run })}/`
  for (;;) {
    const parked = await store.find(parkedCollection, { prefix, limit: batch })
    const requests = await store.find(requestsCollection, { prefix, limit: batch })
    if (parked.length === 0 && requests.length === 0) break
    // Whoever still works on it is refused from here on.
    const partitions = new Set(parked.map((document) => readParked(document).partition))
    const fences = [...partitions].map(
      (partition): DocumentChange => ({ collection: fencesCollection, id: `${prefix}${partition}`, put: '{}' }),
    )
    const gone = [
      ...parked.map(({ id }) => ({ collection: parkedCollection, id, delete: true as const })),
      ...requests.map(({ id }) => ({ collection: requestsCollection, id, delete: true as const })),
    ]
    const [result] = await store.commit([{ documents: [...fences, ...gone] }])
    if (result?.status === 'refused') throw result.error
  }
  if (Math.abs(runtime.now() - (replay.endedAt ?? 0)) < patience) return
  const { leftovers: _leftovers, ...cleared } = replay
  await replaceReplay(store, cleared, version)
}
