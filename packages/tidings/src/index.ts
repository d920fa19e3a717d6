export type { EventBusOptions } from './bus/bus-options.ts'
export { createEventBus } from './bus/create-event-bus.ts'
export type { EventBus, TransactionContext } from './bus/event-bus.ts'
export type { EventHistory, HistoricEvent, StreamLike } from './bus/event-history.ts'
export { sharedStore, type SharedStoreOptions } from './bus/shared-store.ts'
export { currentContext, runWithContext } from './events/ambient-context.ts'
export {
  type AnyEventDefinition,
  type DataOf,
  defineEvent,
  type DefineEventOptions,
  type EventDefinition,
  type EventDraft,
  type Upcaster,
} from './events/define-event.ts'
export type { Event, EventContext, Priority } from './events/event.ts'
export type { Json } from './events/plain.ts'
export type { Duration } from './kernel/duration.ts'
export { type ErrorCode, errorCodes, isTidingsError, PermanentError, RetryAfter, TidingsError, UnavailableError } from './kernel/errors.ts'
export type { Log, LogLevel } from './kernel/log.ts'
export type { Meter } from './kernel/meter.ts'
export { busStatus, type BusStatus, reasonsNotReady, type StoreStatus, type SubscriptionStatus } from './operations/bus-status.ts'
export { statusGauges } from './operations/status-gauges.ts'
export type { PublishOptions } from './publisher/publish-options.ts'
export type { ListenerFailure, Receipt } from './publisher/receipt.ts'
export { memoryStore, type MemoryStoreOptions } from './store/memory/memory-store.ts'
export { sql } from './store/sql.ts'
export { isSqlStore, type Row, type SqlStore } from './store/sql-store.ts'
export type { Store } from './store/store.ts'
export type { HandlerContext, HandlerTransaction } from './subscriber/handler-context.ts'
export type { RetryOptions, SubscribeOptions } from './subscriber/subscribe-options.ts'
export type { Handler } from './subscriber/subscription.ts'
