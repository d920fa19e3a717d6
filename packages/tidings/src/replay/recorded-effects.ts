import type { Store } from '../store/store.ts'
import { effectsCollection } from '../subscriber/attempt.ts'

/** Most records that are looked at. */
const most = 1_000

/** Names of calls to the outside of which a subscription has records, as far as the first ones tell. */
export async function recordedEffects(store: Store, subscription: string): Promise<readonly string[]> {
  const documents = await store.find(effectsCollection, { prefix: `${subscription}/`, limit: most })
  const names = documents.map(({ body }) => (JSON.parse(body) as { name: string }).name)
  return [...new Set(names)].sort()
}
