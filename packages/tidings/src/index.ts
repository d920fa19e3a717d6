export { type Archived, type ArchiveOptions, archiveStream } from './aggregates/archive-stream.ts'
export { decide } from './aggregates/decide.ts'
export {
  decideAll,
  type JointDecider,
  type JointDecision,
  type StatesOf,
  type Target,
} from './aggregates/decide-all.ts'
export type { Decided, DecideOptions, Decider, Decision, DecisionContext } from './aggregates/decision.ts'
export {
  type Aggregate,
  type AggregateOptions,
  defineAggregate,
  type SnapshotOptions,
  type StateOf,
} from './aggregates/define-aggregate.ts'
export { type Loaded, type LoadOptions, load } from './aggregates/load.ts'
export type { InboxOptions, RelayOptions } from './bridge/bridge-options.ts'
export type { InboxStatus } from './bridge/inbox.ts'
export type { Route, Routed, RoutedEvent, RouteOption, RouteRule } from './bridge/route.ts'
export type { Attached, Attachment } from './bus/attachment.ts'
export type { EventBusOptions } from './bus/bus-options.ts'
export { createEventBus } from './bus/create-event-bus.ts'
export type { DeletedStream, DeleteStreamOptions } from './bus/delete-stream.ts'
export type { EventBus, TransactionContext } from './bus/event-bus.ts'
export type { EventHistory, HistoricEvent, StreamLike } from './bus/event-history.ts'
export type { EventFilter } from './bus/event-query.ts'
export { type SharedStoreOptions, sharedStore } from './bus/shared-store.ts'
export type { EventCount, StatisticsOptions, StoreStatistics } from './bus/store-statistics.ts'
export { type BusConfig, type ConfigOptions, configFrom, type Preset } from './config/config-from.ts'
export { currentContext, runWithContext, runWithoutContext } from './events/ambient-context.ts'
export {
  type CloudEventJson,
  fromBatch,
  fromCloudEvent,
  fromStructured,
  toBatch,
  toCloudEvent,
  toStructured,
} from './events/cloudevents-json.ts'
export {
  type AnyEventDefinition,
  type DataOf,
  type DefineEventOptions,
  defineEvent,
  type EventDefinition,
  type EventDraft,
  type Upcaster,
} from './events/define-event.ts'
export type { Event, EventContext, Priority } from './events/event.ts'
export { type EventBuilder, eventBuilder, legacyEvent } from './events/event-builder.ts'
export { type DefinedBy, isEvent } from './events/is-event.ts'
export type { Json } from './events/plain.ts'
export { createSealer, createSealVerifier, type SealerOptions, type SealVerifierOptions } from './events/seal.ts'
export { detectSensitive, maskSensitive, type SensitiveField } from './events/sensitive-data.ts'
export type { SensitiveKind } from './events/sensitive-kind.ts'
export type { Duration } from './kernel/duration.ts'
export {
  type ErrorCode,
  errorCodes,
  isTidingsError,
  PermanentError,
  RetryAfter,
  TidingsError,
  UnavailableError,
} from './kernel/errors.ts'
export type { Log, LogLevel } from './kernel/log.ts'
export type { Meter } from './kernel/meter.ts'
export type { Asked, AskOptions } from './operations/ask-owners.ts'
export type { AskedSaga, AskSagaOptions } from './operations/ask-saga.ts'
export type { AuditEntry, AuditQuery } from './operations/audit.ts'
export { brokerTroubles } from './operations/broker-troubles.ts'
export {
  type BusBridgeStatus,
  type BusStatus,
  busStatus,
  reasonsNotReady,
  type StoreStatus,
  type SubscriptionStatus,
} from './operations/bus-status.ts'
export type { EventQuery } from './operations/event-query.ts'
export type { Explanation, Standing, SubscriptionExplanation } from './operations/explain.ts'
export type { Finding } from './operations/findings.ts'
export type { FollowEventsOptions } from './operations/follow-events.ts'
export type { FollowOptions, FollowProgress, RequestOutcome, RequestState } from './operations/follow-requests.ts'
export type { ImportLine, ImportOptions, ImportProgress, RefusedLine } from './operations/import-events.ts'
export type { InboxOverview } from './operations/inbox-overview.ts'
export {
  type Operations,
  type OperationsOptions,
  operationsOf,
  operationsOn,
  type ParkedOperations,
  type ReplayName,
  type ReplayOperations,
} from './operations/operations.ts'
export type { OverviewOptions, ParkedCounts, SubscriptionOverview } from './operations/overview.ts'
export type { Instance, Owner } from './operations/owners.ts'
export type { ParkedFilter } from './operations/parked-filter.ts'
export type { ParkedEntry, ParkedGroup, ParkedGroups, ParkedPage, ParkedQuery } from './operations/parked-listing.ts'
export type {
  FollowProjectionOptions,
  ProjectionOperations,
  RebuildRequest,
  SwitchRequest,
} from './operations/projections.ts'
export type { RampOptions, RampStep } from './operations/ramped-redrive.ts'
export type { Resumed, ResumeOptions } from './operations/resume-subscription.ts'
export type { SagaEntry, SagaPage, SagaQuery } from './operations/saga-listing.ts'
export type { SagaOperations } from './operations/saga-operations.ts'
export type { ParkedDetail, ShowOptions } from './operations/show-parked.ts'
export type { SagaDetail, SagaName, ShownStep } from './operations/show-saga.ts'
export type { EventView, ShownEvent } from './operations/shown-event.ts'
export type { Status } from './operations/status.ts'
export { statusGauges } from './operations/status-gauges.ts'
export type { PayloadStore } from './payloads/payload-store.ts'
export type { CaughtUp } from './projections/caught-up-to.ts'
export type { CheckInput, Compared } from './projections/check-input.ts'
export {
  type CollectionDefinition,
  documents,
  type FindQuery,
  type Found,
  type IndexOf,
  type ReadableCollection,
  type WritableCollection,
} from './projections/collection.ts'
export {
  type CheckAnswer,
  type Collections,
  defineProjection,
  type Projection,
  type ProjectionContext,
  type ProjectionHandler,
  type ProjectionOn,
  type ProjectionOptions,
} from './projections/define-projection.ts'
export type { Generation, GenerationState, Hold, Parity } from './projections/generation.ts'
export type { CaughtUpOptions, ProjectionHandle } from './projections/projection-handle.ts'
export type { GenerationStatus, ProjectionStatus } from './projections/projection-status.ts'
export type { RebuiltStream } from './projections/rebuild-stream.ts'
export type { ExpectedStream, PublishOptions } from './publisher/publish-options.ts'
export type { ListenerFailure, Receipt } from './publisher/receipt.ts'
export type { ScheduledEvent } from './publisher/timers/scheduled-event.ts'
export {
  type CreateReplayOptions,
  createReplay,
  type Replay,
  type ReplayHandler,
  type ReplayPreview,
} from './replay/create-replay.ts'
export type { TimedProgress } from './replay/follow-with-eta.ts'
export type { ReplayProgress } from './replay/replay-progress.ts'
export type { ReplayFilter, ReplayRequest } from './replay/replay-request.ts'
export type { ReplayCount } from './replay/request-replay.ts'
export {
  type CallRetryOptions,
  defineSaga,
  type ParallelSteps,
  parallel,
  type ReactingSagaOptions,
  type SagaCommonOptions,
  type SagaDefinition,
  type SagaOn,
  type SagaReaction,
  type SagaStep,
  type StepOptions,
  type StepSagaOptions,
  step,
} from './sagas/define-saga.ts'
export type { ReactionContext, SagaContext } from './sagas/saga-context.ts'
export type {
  SagaChange,
  SagaDocument,
  SagaHistoryEntry,
  SagaReason,
  SagaStatus,
  SagaTimer,
  StepState,
} from './sagas/saga-document.ts'
export { sagaStatuses } from './sagas/saga-document.ts'
export type { Migrated } from './sagas/saga-plan.ts'
export type { SagaView } from './sagas/saga-view.ts'
export {
  defineSchedule,
  type ScheduleDefinition,
  type ScheduleOptions,
  type ScheduleRun,
} from './schedules/define-schedule.ts'
export type { ScheduleDocument } from './schedules/schedule-document.ts'
export { type MemoryStoreOptions, memoryStore } from './store/memory/memory-store.ts'
export { sql } from './store/sql.ts'
export { isSqlStore, type Row, type SqlStore } from './store/sql-store.ts'
export type { Statement, Store } from './store/store.ts'
export type { HandlerContext, HandlerTransaction, PublishedInUnit } from './subscriber/handler-context.ts'
export type { RetryOptions, SubscribeOptions, SubscriptionBreakerOptions } from './subscriber/subscribe-options.ts'
export type { Handler } from './subscriber/subscription.ts'
