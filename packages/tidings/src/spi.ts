/** For authors of adapters: the two ports and what implementing them takes. Applications import `tidings`. */
export {
  type CloudEventBinding,
  type CloudEventMessage,
  cloudEventBindings,
  fromMessage,
  type ReceivedMessage,
  toBinary,
  toStructuredMessage,
} from './events/cloudevents-binary.ts'
export { checksumOf, type EventRecord } from './events/record.ts'
export { type ErrorCode, errorCodes, isTidingsError, TidingsError } from './kernel/errors.ts'
export { Heap } from './kernel/heap.ts'
export { within } from './kernel/lifecycle.ts'
export { type Log, type LogLevel, silentLog } from './kernel/log.ts'
export { type Counter, type Histogram, type Labels, type Meter, silentMeter } from './kernel/meter.ts'
export { Mistakes } from './kernel/mistakes.ts'
export { realRuntime } from './kernel/real-runtime.ts'
export { Ring } from './kernel/ring.ts'
export { type Runtime, sleep, type Timer } from './kernel/runtime.ts'
export { mulberry32, type VirtualRuntime, virtualRuntime } from './kernel/virtual-runtime.ts'
export type { Host, StoreAdapter } from './store/adapter.ts'
export { type MemoryStoreOptions, memoryStore } from './store/memory/memory-store.ts'
export { murmur2, partitionOf } from './store/partitioner.ts'
export { renderSql } from './store/sql.ts'
export { isSqlStore, type Row, type SqlStore, type SqlTransaction } from './store/sql-store.ts'
export {
  type CommitResult,
  type DocumentChange,
  type DocumentQuery,
  type Expectation,
  type LogQuery,
  type Page,
  type Placed,
  type Position,
  type Pruned,
  type PruneQuery,
  parseStream,
  type SqlValue,
  type Statement,
  type Store,
  type StoreCapabilities,
  type StoredDocument,
  type StoredEvent,
  type StreamName,
  type StreamQuery,
  streamText,
  type Unit,
} from './store/store.ts'
export type { TransportAdapter } from './transport/adapter.ts'
export { progressCollection } from './transport/log/group-progress.ts'
export {
  type GroupDocuments,
  type LogGroups,
  type LogGroupsOptions,
  type LogReading,
  logGroups,
  type ProgressOptions,
} from './transport/log/log-groups.ts'
export type { LogTransportOptions } from './transport/log/log-options.ts'
export { logTransport } from './transport/log/log-transport.ts'
export { countGroup, passedByAll } from './transport/log/passed-by-all.ts'
export { SinkCalls } from './transport/log/sink-calls.ts'
export { Turn } from './transport/log/turn.ts'
export type {
  Consumer,
  Delivery,
  Offset,
  Outcome,
  Sink,
  SubscribeOptions,
  Transport,
  TransportCapabilities,
} from './transport/transport.ts'
