import type { Store } from '../store/store.ts'
import { snapshotIds, snapshotsCollection } from './snapshot-documents.ts'
import { archiveCollection, archivedIds } from './stream-archive.ts'
import { type KnownNote, parseNote, putNote, type StreamNote, streamsCollection } from './stream-note.ts'

/** Events removed at a time. */
const batch = 1_000

/**
 * Removes from the log what a note says is gone from it, and notes that it is done. Whoever archives or takes a snapshot expects the note as he has read it;
 * what he wrote before a deletion was noted, and after it was looked for, is removed here. A crash in between leaves it to `removeAllGone`.
 */
export async function removeGone(store: Store, known: KnownNote): Promise<number> {
  const { note } = known
  const { tenant, category, key, removing } = note
  if (removing === undefined) return 0
  let removed = 0
  for (let more = true; more; ) {
    const pruned = await store.prune({ stream: { tenant, category, key }, through: removing, limit: batch })
    removed += pruned.removed
    more = pruned.more
  }
  if (note.deleted > 0) await removeDeleted(store, note)
  const { removing: _removing, ...done } = note
  const [result] = await store.commit([putNote(known, done)])
  if (result?.status === 'refused') throw result.error
  return removed
}

async function removeDeleted(store: Store, stream: StreamNote): Promise<void> {
  const changes = [
    ...(await archivedIds(store, stream, stream.deleted)).map((id) => ({ collection: archiveCollection, id })),
    ...(await snapshotIds(store, stream, stream.deleted)).map((id) => ({ collection: snapshotsCollection, id })),
  ]
  if (changes.length === 0) return
  const [result] = await store.commit([{ documents: changes.map((change) => ({ ...change, delete: true })) }])
  if (result?.status === 'refused') throw result.error
}

/** Finishes what processes that died meanwhile have begun. */
export async function removeAllGone(store: Store): Promise<void> {
  for (const document of await store.find(streamsCollection, { by: { index: 'removing' }, limit: 1_000 }))
    await removeGone(store, { note: parseNote(document), version: document.version })
}
