import { dedupCollection } from '../publisher/content-mark.ts'
import type { Store, StoredDocument, Unit } from '../store/store.ts'

const batch = 200

/** Longer than anybody takes from reading an old mark to replacing it, in milliseconds. */
const patience = 3_600_000

/**
 * Removes the marks of content whose window is over, in two steps. Versions begin anew after a delete: whoever has read an old mark could find, at the version
 * that he expects, the new one of somebody who came in between. So a mark is put once more before, which refuses all who have read it until then, and goes
 * when nobody can be left of them.
 */
export async function sweepDedup(store: Store, now: number, stopped: () => boolean): Promise<void> {
  await each(store, 'until', now, stopped, ({ id, body }) => ({
    collection: dedupCollection,
    id,
    put: body,
    index: { gone: now + patience },
  }))
  await each(store, 'gone', now, stopped, ({ id }) => ({ collection: dedupCollection, id, delete: true }))
}

/** Changes all whose time is over; what has been claimed meanwhile stays. */
async function each(
  store: Store,
  index: 'until' | 'gone',
  now: number,
  stopped: () => boolean,
  change: (document: StoredDocument) => NonNullable<Unit['documents']>[number],
): Promise<void> {
  for (let more = true; more && !stopped(); ) {
    const old = await store.find(dedupCollection, { by: { index, upTo: now }, limit: batch })
    if (old.length > 0)
      await store.commit(
        old.map((document) => ({
          expect: [{ collection: dedupCollection, id: document.id, version: document.version }],
          documents: [change(document)],
        })),
      )
    more = old.length === batch
  }
}
