import type { EventRecord } from '../events/record.ts'
import type { DocumentChange, StoredEvent } from '../store/store.ts'
import type { JoinedListener } from './joined-listener.ts'
import type { ListenerFailure } from './receipt.ts'

/** Who hears a type in this process. */
export interface Audience {
  /** Subscriptions of either mode. */
  readonly matched: number
  readonly inline: readonly InlineListener[]
  /** Read models that are written in the event's own commit. */
  readonly joining: readonly JoinedListener[]
  /** Whether something must be committed with the event for its inline listeners. */
  readonly promising: boolean
}

/** A subscription that runs in the publisher's process before publish returns. */
export interface InlineListener {
  readonly name: string
  /** Whether it is at work or waits for its turn. */
  readonly busy: boolean
  /** What must be committed together with the event, so that a crash before the listener has run loses nothing. */
  promise(record: EventRecord): DocumentChange | undefined
  close(): void
  /** Runs it. What it throws is kept for the subscription's own retries and returned. `repeated`: the event was stored before; it may have been heard. */
  hear(stored: StoredEvent, repeated: boolean): Error | undefined | Promise<Error | undefined>
}

type Failures = readonly ListenerFailure[] | undefined

/** Runs them side by side; each keeps its own order. */
export function hearAll(
  listeners: readonly InlineListener[],
  stored: StoredEvent,
  repeated: boolean,
): Failures | Promise<Failures> {
  // Nearly always there is one, and it needs no lists.
  if (listeners.length === 1) {
    const listener = listeners[0] as InlineListener
    const outcome = listener.hear(stored, repeated)
    return outcome instanceof Promise
      ? outcome.then((error) => failureOf(listener, error))
      : failureOf(listener, outcome)
  }
  const failures: ListenerFailure[] = []
  const note = (listener: InlineListener, error: Error | undefined): void => {
    if (error !== undefined) failures.push({ subscription: listener.name, error })
  }
  const pending: Promise<void>[] = []
  for (const listener of listeners) {
    const outcome = listener.hear(stored, repeated)
    if (outcome instanceof Promise) pending.push(outcome.then((error) => note(listener, error)))
    else note(listener, outcome)
  }
  const all = (): Failures => (failures.length === 0 ? undefined : failures)
  return pending.length === 0 ? all() : Promise.all(pending).then(all)
}

function failureOf(listener: InlineListener, error: Error | undefined): Failures {
  return error === undefined ? undefined : [{ subscription: listener.name, error }]
}
