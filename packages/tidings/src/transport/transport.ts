import type { EventRecord } from '../events/record.ts'

/**
 * A place in one partition: 0 before its first event, then ascending, with gaps where it likes; means nothing across partitions.
 * Where a broker counts from 0, its adapter adds one.
 */
export type Offset = number

/**
 * Moves events between processes, and nothing else: no retries, no dead letters, no delays; the engine owns those.
 * Implement it over one vendor's client; `@tidings/conformance` says whether you did.
 */
export interface Transport {
  readonly capabilities: TransportCapabilities

  /**
   * Hands over a batch and answers each event in its place. `stored` means as durable as the capabilities say. Events of one
   * stream keep their order in the batch and over calls that follow one another. When the signal aborts, what has no answer is `unknown`.
   */
  publish(batch: readonly EventRecord[], signal?: AbortSignal): Promise<readonly Outcome[]>

  /** Joins a group. Resolves once the group knows this member; partitions follow by `sink.assigned`. */
  subscribe(options: SubscribeOptions, sink: Sink): Promise<Consumer>

  /** Closes every consumer, then the connection. Idempotent. */
  close(): Promise<void>
}

export interface TransportCapabilities {
  readonly name: string
  /** `log`: one owner a partition, read from an offset. `queue`: each delivery is settled by itself. `fanout`: whoever listens now hears. */
  readonly kind: 'log' | 'queue' | 'fanout'
  readonly durability: 'memory' | 'store' | 'broker'
  /** Whether instances share the work of one group. */
  readonly groups: boolean
  readonly ordering: 'stream' | 'none'
  /** Whether what was never settled comes again. */
  readonly redelivery: boolean
  /** Whether reading can begin in the past. */
  readonly replay: boolean
  /** Largest encoded event, in bytes. */
  readonly maxBytes: number
  readonly partitions: number
  /**
   * True where each topic has that many partitions of its own. A partition's number is then a safe integer from 0 that means the same
   * share of the same topic to every member and for good; else numbers are 0 to `partitions` - 1, whatever the topic.
   */
  readonly topicPartitions?: boolean
  /**
   * For a log: whether a group itself remembers how far it was told to be done, so that -1 begins there: exactly where its member has closed, and at
   * or before that place where it has died. A member that names a store keeps that place there, and may be left out. Default false: whoever reads
   * keeps it.
   */
  readonly remembers?: boolean
  /**
   * For a log that can be made anew under its old name: which one it is, another text for each. Who keeps offsets keeps it with them; under another
   * text they mean nothing. It may change while the transport is open, and is read with each assignment. Undefined: that shows in another way, or
   * never happens.
   */
  readonly log?: string
}

export type Outcome =
  | { readonly status: 'stored' }
  | { readonly status: 'refused'; readonly error: Error }
  | { readonly status: 'unknown'; readonly error: Error }

export interface SubscribeOptions {
  /** Members of one group share its partitions. */
  readonly group: string
  /** Categories to hear; undefined: all. */
  readonly topics?: readonly string[]
  /** Whether one member owns all partitions at a time, for strictly sequential work. Default false. */
  readonly exclusive?: boolean
  /**
   * Where a log is read from in a partition of which neither `assigned` nor the broker's own group knows an offset; default `beginning`.
   * `end`: only what is published after the partition was assigned.
   */
  readonly start?: 'beginning' | 'end'
  /**
   * Which store takes in what this member hears. Where the transport can tell, it refuses a member whose store is another than that of the
   * group's living members (`TIDINGS_GROUP_SPLIT`): each store would get a part of what both need.
   */
  readonly store?: string
}

/** What a consumer tells its engine. Calls come one after another, and `deliver` only for partitions that `assigned` has resolved for. */
export interface Sink {
  /**
   * Resolves, for a log, with the offset after which to read each partition, in the order given. -1: it knows none; then reading begins
   * where the broker's group stands, if there is such a thing, else where `start` says; `scanned` tells at once where that is. So it
   * does, too, for a member that names a store, where the partition ends before that offset: somebody has made it anew.
   */
  assigned(partitions: readonly number[]): Promise<readonly Offset[]>
  /** Resolves when all work of these partitions has ended or been withdrawn. Only then may another member own them. */
  revoked(partitions: readonly number[]): Promise<void>
  /** They are somebody else's already: forget them. */
  lost(partitions: readonly number[]): void
  /** In order of offset per partition. Never more than was requested, in sum. */
  deliver(deliveries: readonly Delivery[]): void
  /** Nothing more up to here in this partition for now: everything at or below was delivered or matches no topic. */
  scanned(partition: number, offset: Offset): void
  /** The consumer has died and will deliver nothing more. Not called after `close`. */
  ended(cause: Error): void
}

export interface Delivery {
  readonly partition: number
  readonly offset: Offset
  /** See `streamText`. */
  readonly stream: string
  /** Undefined where the bytes could not be read as an event at all; then `raw` holds them. */
  readonly record: EventRecord | undefined
  readonly raw?: Uint8Array
}

export interface Consumer {
  /** Allows `count` more deliveries. Nothing is delivered that was not requested. */
  request(count: number): void
  /** Log: everything of the partition at or below this offset is done; a hint for the broker's own tools, not the truth. */
  done(partition: number, offset: Offset): void
  /** Queue: this delivery is done, or shall come again. */
  settle(delivery: Delivery, how: 'done' | 'again'): void
  /** Starts a partition over after this offset; what is in flight of it is forgotten by the caller. Log only. */
  seek(partition: number, offset: Offset): void
  /** Revokes what is assigned, leaves the group. Idempotent. */
  close(): Promise<void>
}
