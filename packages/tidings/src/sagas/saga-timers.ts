import { hash } from 'node:crypto'

import type { EventRecord } from '../events/record.ts'
import type { Publisher } from '../publisher/publisher.ts'
import { deleteTimer, putTimer, timerId } from '../publisher/timers/scheduled-event.ts'
import type { DocumentChange } from '../store/store.ts'
import { lifeOf, type SagaDocument, type SagaTimer } from './saga-document.ts'
import type { SagaDue, SagaEvents } from './saga-events.ts'

export interface SagaTimersHost {
  readonly source: string
  readonly publisher: Publisher
  readonly events: SagaEvents
}

/**
 * What must become of the timer documents so that they are those of the saga's document. Each is named by the saga, the event that
 * started it and the timer's number, so that a timer of an earlier saga is never taken for one of a later.
 */
export async function timerChanges(
  host: SagaTimersHost,
  before: SagaDocument | undefined,
  after: SagaDocument,
): Promise<readonly DocumentChange[]> {
  const changes: DocumentChange[] = []
  for (const { seq } of changed(before, after))
    changes.push(deleteTimer(timerId({ source: host.source, id: eventId(before as SagaDocument, seq) })))
  for (const { name, at, seq } of changed(after, before)) {
    changes.push(putTimer({ due: at, record: await dueRecord(host, after, name, at, seq) }))
  }
  return changes
}

/** When the first of the new timers is due. */
export function nextDue(before: SagaDocument | undefined, after: SagaDocument): number | undefined {
  const all = changed(after, before).map(({ at }) => at)
  return all.length === 0 ? undefined : Math.min(...all)
}

/** The timers of one document that the other has not. */
function changed(
  one: SagaDocument | undefined,
  other: SagaDocument | undefined,
): readonly (SagaTimer & { readonly name: string })[] {
  return Object.entries(one?.timers ?? {}).flatMap(([name, timer]) =>
    other?.run === one?.run && other?.timers[name]?.seq === timer.seq ? [] : [{ ...timer, name }],
  )
}

/** The time belongs to it, too: an event that the log has forgotten may come again under its id, while those of its timers still stand. */
function eventId(saga: SagaDocument, seq: number): string {
  const life = saga.named === 'start' ? `${lifeOf(saga)}/${saga.startedAt}` : lifeOf(saga)
  return `saga-${hash('sha256', `${life}/${seq}`, 'base64url')}`
}

async function dueRecord(
  { publisher, events }: SagaTimersHost,
  saga: SagaDocument,
  timer: string,
  at: number,
  seq: number,
): Promise<EventRecord> {
  const data: SagaDue = { saga: saga.saga, key: saga.key, run: saga.run, timer, seq }
  return publisher.prepare(events.due.create(data), {
    id: eventId(saga, seq),
    timestamp: at,
    ...(saga.tenant === '' ? {} : { tenantId: saga.tenant }),
    ...(saga.correlation === undefined ? {} : { correlationId: saga.correlation }),
  })
}
