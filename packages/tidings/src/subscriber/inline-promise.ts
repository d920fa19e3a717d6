import type { EventRecord } from '../events/record.ts'
import { runName, type Subscription } from './subscription.ts'

export const inlineCollection = 'inline'

/**
 * The promise that a listener will run in its publisher's process: written with the event, answered with the listener's own commit. The
 * subscription's queue reads it before it handles the event: `done` is handled; `pending` is left alone until `until`, for then the publisher has died.
 */
export interface InlinePromise {
  readonly state: 'pending' | 'done'
  /** Wall time in milliseconds. */
  readonly until: number
}

export function inlineId(subscription: Subscription, record: Pick<EventRecord, 'source' | 'id'>): string {
  return `${runName(subscription)}/${record.source}/${record.id}`
}
