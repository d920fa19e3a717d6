import type { Log } from '../kernel/log.ts'
import type { Runtime, Timer } from '../kernel/runtime.ts'
import type { Store } from '../store/store.ts'
import { deleteSaga, sagasCollection, unchangedSaga } from './saga-document.ts'

const every = 60_000
const batch = 200

/** Removes the documents of sagas that nobody needs any longer: those that ended long ago, and those that never began. Returns how to stop. */
export function sweepSagas(store: Store, runtime: Runtime, log: Log): () => void {
  let closed = false
  let timer: Timer | undefined
  let failed = false
  const sweep = async (): Promise<void> => {
    try {
      for (let more = true; more && !closed; ) {
        const gone = await store.find(sagasCollection, { by: { index: 'gone', upTo: runtime.now() }, limit: batch })
        // One that has changed meanwhile stays.
        await store.commit(
          gone.map(({ id, version }) => ({ expect: [unchangedSaga(id, version)], documents: [deleteSaga(id)] })),
        )
        more = gone.length === batch
      }
      failed = false
    } catch (error) {
      if (!failed && !closed)
        log('warn', 'Old sagas could not be removed; it is tried again', { error: (error as Error).message })
      failed = true
    }
    if (!closed) timer = runtime.setTimer(every, () => void sweep())
  }
  timer = runtime.setTimer(every, () => void sweep())
  return () => {
    closed = true
    timer?.cancel()
  }
}
