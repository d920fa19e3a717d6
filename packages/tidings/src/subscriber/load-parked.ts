import type { Store } from '../store/store.ts'
import { type ParkedEvent, parkedCollection, readParked } from './parked-event.ts'

/** Everything parked in one partition of one pass, streams together and each in order. `owner` as `ownerOf` writes it. */
export async function loadParked(store: Store, owner: string): Promise<readonly ParkedEvent[]> {
  // An index query cannot be continued, so the page must hold everything; a partition's owner holds it in memory anyway.
  const documents = await store.find(parkedCollection, { by: { index: 'owner', equal: owner }, limit: 1_000_000 })
  return documents
    .map(readParked)
    .sort((a, b) => (a.stream === b.stream ? a.offset - b.offset : a.stream < b.stream ? -1 : 1))
}
