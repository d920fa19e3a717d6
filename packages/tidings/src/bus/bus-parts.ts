import type { Bridge } from '../bridge/bridge.ts'
import type { EventRecord } from '../events/record.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Phase } from '../kernel/lifecycle.ts'
import type { Log } from '../kernel/log.ts'
import type { Meter } from '../kernel/meter.ts'
import type { Runtime } from '../kernel/runtime.ts'
import type { Committer } from '../publisher/committer.ts'
import type { JoinedListener } from '../publisher/joined-listener.ts'
import type { Publisher } from '../publisher/publisher.ts'
import type { Placed, Position, Store } from '../store/store.ts'
import type { DecodeOptions } from '../subscriber/decode.ts'
import type { Engine } from '../subscriber/engine.ts'
import type { ReplayRuns } from '../subscriber/replay-runs.ts'
import type { Subscription } from '../subscriber/subscription.ts'
import type { Transport } from '../transport/transport.ts'
import type { EventBus } from './event-bus.ts'

/** What a bus is made of, for the rooms that stand on it (operations, testing); not for applications. */
export interface BusParts {
  readonly store: Store
  readonly transport: Transport
  readonly committer: Committer
  readonly runtime: Runtime
  readonly log: Log
  readonly meter: Meter
  /** There is no store: nothing is remembered beyond this process. */
  readonly direct: boolean
  /** How long sagas may take that do not say, in milliseconds. */
  readonly sagaTimeout: number
  /** Whether this process drives sagas. */
  readonly sagas: boolean
  readonly publisher: Publisher
  /** Undefined where there is no broker. */
  readonly bridge: Bridge | undefined
  /** Where the bus stands in its life. */
  phase(): Phase
  /** Whether inline listeners are at work or wait for their turn. */
  listening(): boolean
  /** By name, subscriptions whose events behind a position may have been applied in their own commit; to be told before they are declared. */
  readonly joined: Map<string, Position>
  /** From now on a read model is written in the commits of this process. Returns how to end that. */
  join(listener: JoinedListener): () => void
  /** Lets work in as a publish is let in: rejects with `TIDINGS_CLOSED` once the bus closes. */
  enter<Result>(work: () => Promise<Result>): Promise<Result>
  /** How events of the log are read here. */
  readonly reading: DecodeOptions
  readonly replays: ReplayRuns
  /** Why something that was brought along by `use` is under way, in words; undefined: nothing. */
  attachedWork(): string | undefined
  /** Takes no further part in a subscription; what the store knows of it stays. Its name is free again. */
  endSubscription(name: string, deadline: number): Promise<void>
  /** A timer document is due at this wall time: look then. */
  scheduled(at: number): void
  /** Inline listeners hear what a unit has committed at its time; nobody waits for them. */
  hearLater(records: readonly EventRecord[], placed: readonly Placed[]): void
  /** By name, those that have started. */
  readonly engines: ReadonlyMap<string, Engine>
  readonly declared: readonly Subscription[]
  /** Why a subscription that was declared after the start could not start. */
  failure(name: string): Error | undefined
  /** Resolves when every subscription declared so far has started or failed to; before `start`, at once. */
  started(): Promise<void>
  /** Position of the last event that this process has committed by a publish. */
  head(): Position
  /** Calls back, in a later microtask, whenever something was handled or set aside. Returns how to stop. */
  onProgress(listener: () => void): () => void
}

const parts = new WeakMap<EventBus, BusParts>()

export function rememberParts(bus: EventBus, made: BusParts): void {
  parts.set(bus, made)
}

export function partsOf(bus: EventBus): BusParts {
  const found = parts.get(bus)
  if (found === undefined)
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      'Expected `bus` to be made by createEventBus of this copy of the library.',
      { details: { field: 'bus' } },
    )
  return found
}
