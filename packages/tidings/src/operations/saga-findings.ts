import { readSaga, sagasCollection } from '../sagas/saga-document.ts'
import { subscriptionOfSaga } from '../sagas/saga-events.ts'
import type { Store } from '../store/store.ts'
import type { Finding } from './findings.ts'

/** Most stuck sagas that are looked at. */
const most = 100

/** Sagas whose compensation has failed for good: one finding for each definition. */
export async function sagaFindings(store: Store): Promise<readonly Finding[]> {
  const stuck = await store.find(sagasCollection, { by: { index: 'is:stuck' }, limit: most })
  const counts = new Map<string, number>()
  for (const document of stuck) {
    const { saga } = readSaga(document)
    counts.set(saga, (counts.get(saga) ?? 0) + 1)
  }
  return [...counts].map(([saga, count]) => ({
    level: 'bad',
    about: 'stuck-sagas',
    subscription: subscriptionOfSaga(saga),
    says: `${count}${stuck.length === most ? ' or more' : ''} ${count === 1 ? 'saga of' : 'sagas of'} ${saga} ${count === 1 ? 'is' : 'are'} stuck: a compensation has failed for good.`,
  }))
}
