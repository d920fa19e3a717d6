import type { Log } from '../kernel/log.ts'
import type { Runtime, Timer } from '../kernel/runtime.ts'
import type { Store } from '../store/store.ts'
import { inboxName, parkedCollection, parkedId } from '../subscriber/parked-event.ts'
import { type ParkedRequest, requestsCollection } from '../subscriber/requests.ts'

/** How often requests are looked for, in milliseconds. */
const every = 1_000

/**
 * Carries out what operators ask about the dead letters of an inbox. Any instance may, since no lane waits for them: a drop deletes the dead
 * letter, a redrive changes nothing, for what could not be read then cannot be read now. Returns how to stop.
 */
export function answerInboxRequests(store: Store, runtime: Runtime, log: Log): () => void {
  let timer: Timer | undefined
  let stopped = false

  const look = async (): Promise<void> => {
    for (const { id, body, version } of await store.find(requestsCollection, { prefix: `${inboxName}/0/` })) {
      const { action, stream, offset, by } = JSON.parse(body) as ParkedRequest
      const parked = parkedId({ subscription: inboxName, run: 0, stream, offset })
      if (action === 'redrive')
        log('warn', 'A delivery that could not be taken in cannot be redriven: publish it again where it came from', {
          by,
          offset,
        })
      // Who comes second finds the request gone.
      await store.commit([
        {
          expect: [{ collection: requestsCollection, id, version }],
          documents: [
            { collection: requestsCollection, id, delete: true },
            ...(action === 'drop' ? [{ collection: parkedCollection, id: parked, delete: true } as const] : []),
          ],
        },
      ])
    }
  }

  const next = (): void => {
    timer = runtime.setTimer(every, () => {
      look()
        .catch(() => {})
        .finally(() => {
          if (!stopped) next()
        })
    })
  }

  next()
  return () => {
    stopped = true
    timer?.cancel()
  }
}
