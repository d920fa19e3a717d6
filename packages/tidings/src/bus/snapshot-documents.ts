import type { Store, StreamName } from '../store/store.ts'
import { ofStream } from './stream-note.ts'

/** Snapshots of streams, by stream and by what takes them; see the room `aggregates`. */
export const snapshotsCollection = 'snapshots'

/** Ids of all snapshots of a stream that were taken at or below a version, and of those of which nobody can tell. */
export async function snapshotIds(store: Store, stream: StreamName, upTo: number): Promise<readonly string[]> {
  const found = await store.find(snapshotsCollection, { prefix: ofStream(stream) })
  return found.filter(({ body }) => !(takenAt(body) > upTo)).map(({ id }) => id)
}

function takenAt(body: string): number {
  try {
    return Number((JSON.parse(body) as { readonly at?: unknown }).at)
  } catch {
    return Number.NaN
  }
}
