import type { Bridge } from '../bridge/bridge.ts'
import type { InboxStatus } from '../bridge/inbox.ts'
import { partsOf } from '../bus/bus-parts.ts'
import type { EventBus } from '../bus/event-bus.ts'
import { headOf } from '../bus/registration.ts'
import type { Priority } from '../events/event.ts'
import { type Duration, milliseconds } from '../kernel/duration.ts'
import { isTidingsError, TidingsError } from '../kernel/errors.ts'
import { type Phase, within } from '../kernel/lifecycle.ts'
import type { Position } from '../store/store.ts'
import type { Engine } from '../subscriber/engine.ts'
import type { Pause } from '../subscriber/engine-status.ts'
import type { Subscription } from '../subscriber/subscription.ts'
import type { TransportCapabilities } from '../transport/transport.ts'

/** A bus of this process, as it stands at one look. */
export interface BusStatus {
  readonly source: string
  readonly phase: Phase
  readonly store: StoreStatus
  /** In the order they were declared; those that have not started yet included. */
  readonly subscriptions: readonly SubscriptionStatus[]
  /** How it stands to its broker; absent where there is none. */
  readonly bridge?: BusBridgeStatus
}

export interface BusBridgeStatus {
  readonly broker: TransportCapabilities
  /** What hands this service's events over. Its lag is how many positions of the log it is behind. */
  readonly relay: SubscriptionStatus & {
    /** Calls to the broker under way, and events that wait for one. */
    readonly flying: number
    readonly waiting: number
  }
  /** What takes in the events of others. */
  readonly inbox: InboxStatus
}

export type StoreStatus =
  /** It answered; `head` is the position of the last event. */
  | { readonly name: string; readonly reachable: true; readonly head: Position }
  /** It did not, or not in time; `code` says why. */
  | { readonly name: string; readonly reachable: false; readonly code: string }

export interface SubscriptionStatus {
  readonly name: string
  /** Types and wildcards it hears. */
  readonly types: readonly string[]
  readonly mode: 'queued' | 'inline'
  readonly order: 'stream' | 'all' | 'none'
  readonly priority: Priority
  /** Whether it takes part in delivery in this process. */
  readonly started: boolean
  /** Why it could not start, where it was declared after the bus had started: the code of the error, else its name. */
  readonly failure?: string
  /** Handlers running in this process, and how many may. */
  readonly running: number
  readonly concurrency: number
  /** Events taken in advance. */
  readonly held: number
  /** Events set aside, those that wait behind another included. */
  readonly parked: number
  readonly blockedStreams: number
  /** Partitions of this process that take nothing new, because a blocked stream of theirs holds as many parked events as it may (`maxParked`). */
  readonly fullPartitions: number
  readonly paused: readonly Pause[]
  /** `closed` is well; `open` waits for a dependency to come back. */
  readonly breaker: string
  /** How many positions of the log it is behind; undefined where this process owns none of its partitions or the store is away. */
  readonly lag: number | undefined
}

/**
 * Looks at a bus and its store. Never rejects for a store that is away: that is what it reports. Answers within `patience`, default 2 s.
 */
export async function busStatus(bus: EventBus, options: { readonly patience?: Duration } = {}): Promise<BusStatus> {
  const parts = partsOf(bus)
  const store = await storeStatus(bus, milliseconds(options.patience ?? 2_000, 'patience'))
  const memory = parts.store.capabilities.durability === 'memory'
  const of = (subscription: Subscription): SubscriptionStatus =>
    statusOf(
      subscription,
      parts.engines.get(subscription.settings.name),
      store,
      memory,
      parts.failure(subscription.settings.name),
    )
  return {
    source: bus.source,
    phase: parts.phase(),
    store,
    subscriptions: parts.declared.map(of),
    ...(parts.bridge === undefined ? {} : { bridge: bridgeStatus(parts.bridge, of) }),
  }
}

function bridgeStatus(bridge: Bridge, of: (subscription: Subscription) => SubscriptionStatus): BusBridgeStatus {
  const { broker, flying, waiting, inbox } = bridge.status()
  return { broker, relay: { ...of(bridge.relay), flying, waiting }, inbox }
}

/** Why a bus should not be given work yet; empty when it should. One reason a line, for people. */
export function reasonsNotReady(status: BusStatus): readonly string[] {
  const reasons: string[] = []
  if (status.phase !== 'started') reasons.push(`${status.source}: the bus is ${status.phase}, not started`)
  if (!status.store.reachable)
    reasons.push(`${status.source}: the ${status.store.name} store is away (${status.store.code})`)
  for (const subscription of status.subscriptions) {
    if (!subscription.started && status.phase === 'started') {
      const why = subscription.failure === undefined ? 'has not started' : `could not start (${subscription.failure})`
      reasons.push(`${status.source}: subscription ${subscription.name} ${why}`)
    }
    if (subscription.paused.includes('halted'))
      reasons.push(`${status.source}: subscription ${subscription.name} has halted at an event it cannot handle`)
    if (subscription.paused.includes('ended'))
      reasons.push(
        `${status.source}: subscription ${subscription.name} hears nothing any more: its transport has given up`,
      )
    if (subscription.paused.includes('unhealthy'))
      reasons.push(`${status.source}: subscription ${subscription.name} says it is not well`)
  }
  return reasons
}

async function storeStatus(bus: EventBus, patience: number): Promise<StoreStatus> {
  const { store, runtime } = partsOf(bus)
  const { name } = store.capabilities
  let head: Position | undefined
  try {
    const answered = await within(
      runtime,
      patience,
      headOf(store).then((position) => (head = position)),
    )
    if (!answered || head === undefined)
      throw new TidingsError('TIDINGS_DEADLINE', `The store has not answered within ${patience} ms.`)
    return { name, reachable: true, head }
  } catch (error) {
    return { name, reachable: false, code: isTidingsError(error) ? error.code : 'TIDINGS_STORE_UNAVAILABLE' }
  }
}

function statusOf(
  { settings, patterns }: Subscription,
  engine: Engine | undefined,
  store: StoreStatus,
  memory: boolean,
  failure: Error | undefined,
): SubscriptionStatus {
  const { name, mode, order, priority, concurrency } = settings
  const {
    running = 0,
    held = 0,
    parked = 0,
    blockedStreams = 0,
    partitions = [],
    paused = [],
    breaker = 'closed',
    watermark,
  } = engine?.status() ?? {}
  // Inline listeners of a store in memory read no log, so they cannot be behind it.
  const behind =
    watermark === undefined || !store.reachable || (mode === 'inline' && memory)
      ? undefined
      : Math.max(0, store.head - watermark)
  return {
    name,
    types: patterns,
    mode,
    order,
    priority,
    started: engine !== undefined,
    ...(failure === undefined ? {} : { failure: isTidingsError(failure) ? failure.code : failure.name }),
    running,
    concurrency,
    held,
    parked,
    blockedStreams,
    fullPartitions: partitions.filter(({ full }) => full).length,
    paused,
    breaker,
    lag: behind,
  }
}
