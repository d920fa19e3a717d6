import type { Event } from '../events/event.ts'
import type { EventRecord } from '../events/record.ts'
import type { Log } from '../kernel/log.ts'
import type { Meter } from '../kernel/meter.ts'
import type { Runtime } from '../kernel/runtime.ts'
import type { Committer } from '../publisher/committer.ts'
import type { Placed, Position, Store } from '../store/store.ts'
import type { Delivery, Transport } from '../transport/transport.ts'
import type { AttemptHost } from './attempt.ts'
import type { Slots } from './slots.ts'
import type { Subscription } from './subscription.ts'

/** What an engine needs of its bus. */
export interface EngineHost {
  readonly store: Store
  readonly transport: Transport
  readonly committer: Committer
  readonly runtime: Runtime
  readonly log: Log
  readonly meter: Meter
  readonly slots: Slots
  readonly instance: string
  /** By name, the subscriptions whose events behind a position may have been applied in their own commit; then a mark says so. */
  readonly joined: ReadonlyMap<string, Position>
  readonly attempts: Omit<AttemptHost, 'subscription' | 'run' | 'commitFenced' | 'findEffect'>
  decode(delivery: Delivery, subscription: Subscription): Event<unknown> | Promise<Event<unknown>>
  /** The record with the data that was kept apart from it. */
  whole(record: EventRecord): EventRecord | Promise<EventRecord>
  /** A handler's own events have been committed with it. */
  published(records: readonly EventRecord[], placed: readonly Placed[]): void
  /** Something was handled or set aside; for those who wait until all is quiet. */
  progressed(): void
}
