import type { Event } from '../events/event.ts'
import type { Json } from '../events/plain.ts'
import type { Log } from '../kernel/log.ts'
import type { SagaDocument } from './saga-document.ts'
import type { SagaEvents } from './saga-events.ts'
import type { HeardEvent, Moment, Remark } from './saga-input.ts'
import type { SagaPlan } from './saga-plan.ts'
import type { KeptSaga, SagaStoreHost } from './saga-store.ts'
import type { Turns } from './turns.ts'

export interface SagaHost extends SagaStoreHost {
  readonly plan: SagaPlan
  readonly events: SagaEvents
  readonly log: Log
  readonly turns: Turns
  remark(remark: Remark, document: SagaDocument): void
}

/** What becomes of one look at a saga: nothing more to do, a change that waits for the handler's unit, somebody faster, or calls to be made now. */
export type Answer = 'nothing' | 'joined' | 'beaten' | KeptSaga

/** Most events that were applied by commits of their own and are remembered, should they be heard again after a crash. */
const mostApplied = 200

export function momentOf(
  host: Pick<SagaHost, 'runtime'>,
  event: Event<unknown>,
): Moment & { readonly heard: HeardEvent } {
  const { runtime } = host
  return {
    now: runtime.now(),
    heard: { type: event.type, event: `${event.source}/${event.id}`, data: event.data as Json },
    chance: () => runtime.random(),
  }
}

/** Remembers that this event is applied, should it be heard again before it is marked as handled. */
export function applied(document: SagaDocument, event: string): SagaDocument {
  return document.applied.includes(event)
    ? document
    : { ...document, applied: [...document.applied, event].slice(-mostApplied) }
}
