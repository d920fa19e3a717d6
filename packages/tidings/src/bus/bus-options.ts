import type { InboxOptions, RelayOptions } from '../bridge/bridge-options.ts'
import type { RouteOption } from '../bridge/route.ts'
import type { AnyEventDefinition } from '../events/define-event.ts'
import type { EventRecord } from '../events/record.ts'
import type { Duration } from '../kernel/duration.ts'
import type { Log } from '../kernel/log.ts'
import type { Meter } from '../kernel/meter.ts'
import type { Runtime } from '../kernel/runtime.ts'
import type { PayloadStore } from '../payloads/payload-store.ts'
import type { Host, StoreAdapter } from '../store/adapter.ts'
import type { Store } from '../store/store.ts'
import type { TransportAdapter } from '../transport/adapter.ts'
import type { LogTransportOptions } from '../transport/log/log-options.ts'
import type { Transport } from '../transport/transport.ts'

export interface EventBusOptions {
  /**
   * Where events are kept: `memory:`, `sqlite:./file.db`, `postgres://…`, `redis://…`. Picks and loads the adapter. Either this or `store`. Or a broker,
   * `kafka://…`, `amqp://…`, `nats://…`, `redis-pubsub://…`: then events are kept in `sqlite:./tidings.db` beside it.
   */
  readonly url?: string
  /** A broker beside the store that `url` or `store` names: `kafka://…`, `amqp://…`, `nats://…`, `redis://…` (Streams), `redis-pubsub://…`. Either this or `transport`. */
  readonly transportUrl?: string
  /**
   * The same by hand: a store that is open already (the bus leaves it open), or one to open (the bus closes it). `none`, together with a broker:
   * direct mode, where events go straight to it and from it, at least once, without outbox, parking, replay or anything else that must be remembered.
   */
  readonly store?: Store | StoreAdapter | 'none'
  /** Events that a bus on `memory:` keeps to look back on, once all its subscriptions have passed them. Default 1,000. Ignored by other stores. */
  readonly keep?: number
  /** Who publishes: a URI reference such as `/auth`, part of every event's identity. Default `/app`. */
  readonly source?: string
  /** Definitions this bus should know although it neither publishes nor subscribes them by definition. */
  readonly events?: readonly AnyEventDefinition[]
  /** Whether schemas are checked at publish and on consumption. Default true. */
  readonly validate?: boolean
  /** Throws when an event's seal is missing or wrong; see `createSealVerifier`. Such an event is parked. Default: seals are not looked at. */
  readonly verifySeal?: (record: EventRecord) => void
  /** Most handlers running at once in this process, over all subscriptions. Default 100. */
  readonly concurrency?: number
  readonly publish?: {
    /** Largest encoded data of one event, in bytes. Default 1,048,576. */
    readonly maxBytes?: number
    /** Compress data above this many bytes. Default: never. */
    readonly compressAbove?: number
    /**
     * Keep data above this many bytes apart, in `payloads`, and send the event without (claim check): for brokers that take no large events. Raise
     * `maxBytes`, too. Default: never.
     */
    readonly claimAbove?: number
    /** Events a second. Default: no limit. Critical events pass, and so does what handlers and transactions publish. */
    readonly rate?: number
    /** Most publishes waiting under the rate limit. Default 10,000. */
    readonly rateQueue?: number
    /** How long `dedup` looks back. Default 1 h. */
    readonly dedupWindow?: Duration
    /** Key of the content marks, so that the store tells nothing about contents. Default: none, plain SHA-256. */
    readonly dedupSecret?: string
    /** Attempts to commit while the store is away. Default 3. */
    readonly tries?: number
    /** First wait between them. Default 1 s. */
    readonly retryDelay?: Duration
    /** Most units in one commit. Default 1,000. */
    readonly batch?: number
    /** Signs checksums; see `createSealer`. Default: no seals. */
    readonly seal?: (checksum: string) => string
  }
  /** A broker that joins this service to others; or how the log is read; or what reads it instead, made over the bus's store and closed by the bus. */
  readonly transport?: TransportAdapter | LogTransportOptions | ((store: Store, host: Host) => Transport)
  /** Behind a broker: the name under which all instances of this service share what comes. Default: made of `source` (`/auth` → `auth`). */
  readonly group?: string
  /** Behind a broker: how this service's events reach it. */
  readonly relay?: RelayOptions
  /** Behind a broker: how events of other services are taken in. */
  readonly inbox?: InboxOptions
  /**
   * Behind a broker: which events go there, and which are heard by this service's own subscriptions. Rules, of which the first that holds decides, or a
   * function. All events are stored first, whatever it says. Default: `both` for all.
   */
  readonly route?: RouteOption
  /** Behind a broker: how long events of other services stay in the log at least, or `forever`; then they go once every subscription has passed them. Default `7d`. */
  readonly remember?: Duration | 'forever'
  /**
   * How long the log keeps this service's events at least whose type names no `retention`; then they go once every registered subscription has passed
   * them. Default `forever`.
   */
  readonly retention?: Duration | 'forever'
  /**
   * Where data is that is kept apart from its event (`publish.claimAbove`), such as `filePayloads('./payloads')` of `tidings/node`. All services that publish or
   * handle such events must reach the same.
   */
  readonly payloads?: PayloadStore
  /** How long a handler may hold a transaction opened by `tx`. Default 1 s. */
  readonly txHold?: Duration
  /** How long sagas may take that do not say so themselves. Default 1 h. */
  readonly sagaTimeout?: Duration
  /**
   * Whether this process drives sagas. `false`: those that `use` is given are left to other processes on the same store; this one registers none of their
   * subscriptions, publishes and handles events as ever, and can look at sagas and signal to them. Default true.
   */
  readonly sagas?: boolean
  /** Largest data taken in, after decompression, in bytes. Default 16,777,216. */
  readonly maxIncomingBytes?: number
  /** Default: silent. */
  readonly log?: Log
  /** Default: counts nothing. */
  readonly meter?: Meter
  /** Default: the system's clock and random numbers. */
  readonly runtime?: Runtime
}
