import type { InboxStatus } from '../bridge/inbox.ts'
import type { EventBus } from '../bus/event-bus.ts'
import type { Meter } from '../kernel/meter.ts'
import { type BusStatus, busStatus, reasonsNotReady, type SubscriptionStatus } from './bus-status.ts'

type Reading = (subscription: SubscriptionStatus) => number
type InboxReading = (inbox: InboxStatus) => number

/** What is measured of the inbox, where there is a broker. */
const inboxReadings: Readonly<Record<string, InboxReading>> = {
  /** 1 while it is in its group, or needs none. */
  'tidings.inbox.joined': ({ state }) => (state === 'joined' || state === 'idle' ? 1 : 0),
  /** Deliveries that are not stored yet. */
  'tidings.inbox.held': ({ held }) => held,
  /** Since the start: events stored, deliveries it knew already, and those it could not take in. */
  'tidings.inbox.received': ({ received }) => received,
  'tidings.inbox.duplicates': ({ duplicates }) => duplicates,
  'tidings.inbox.dead': ({ dead }) => dead,
}

/** What is measured of each subscription, by the gauge's name. */
const readings: Readonly<Record<string, Reading>> = {
  /** Positions of the log it is behind; NaN where that is unknown. */
  'tidings.subscription.lag': ({ lag }) => lag ?? Number.NaN,
  'tidings.subscription.running': ({ running }) => running,
  /** Share of the handlers that may run which do, 0 to 1. */
  'tidings.subscription.utilization': ({ running, concurrency }) => running / concurrency,
  /** Events taken in advance. */
  'tidings.subscription.held': ({ held }) => held,
  /** Events set aside: retrying, dead letters, and what waits behind them. */
  'tidings.subscription.parked': ({ parked }) => parked,
  'tidings.subscription.blocked.streams': ({ blockedStreams }) => blockedStreams,
  /** Partitions that take nothing new before something parked is gone. Worth an alert. */
  'tidings.subscription.full.partitions': ({ fullPartitions }) => fullPartitions,
  /** 1 while it takes no work, for whatever reason. */
  'tidings.subscription.paused': ({ paused }) => (paused.length > 0 ? 1 : 0),
  /** 1 while its breaker keeps events back. */
  'tidings.subscription.breaker.open': ({ breaker }) => (breaker === 'closed' ? 0 : 1),
}

/**
 * Gives `meter` the gauges that only a look at the bus can fill. Returns how to look: call it before the gauges are read, for they keep
 * what it saw. Never rejects.
 */
export function statusGauges(bus: EventBus, meter: Meter): () => Promise<void> {
  let status: BusStatus | undefined
  const known = new Set<string>()
  let bridged = false
  const read = (name: string, reading: Reading): number => {
    const subscription = status === undefined ? undefined : readable(status).find((one) => one.name === name)
    return subscription === undefined ? Number.NaN : reading(subscription)
  }
  meter.gauge('tidings.bus.ready', () => (status !== undefined && reasonsNotReady(status).length === 0 ? 1 : 0))
  meter.gauge('tidings.store.reachable', () => (status?.store.reachable === true ? 1 : 0))
  return async () => {
    status = await busStatus(bus)
    if (status.bridge !== undefined && !bridged) {
      bridged = true
      for (const [gauge, reading] of Object.entries(inboxReadings))
        meter.gauge(gauge, () => (status?.bridge === undefined ? Number.NaN : reading(status.bridge.inbox)))
    }
    for (const { name } of readable(status)) {
      if (known.has(name)) continue
      known.add(name)
      for (const [gauge, reading] of Object.entries(readings))
        meter.gauge(gauge, () => read(name, reading), { subscription: name })
    }
  }
}

/** The relay is measured as all subscriptions are. */
function readable({ subscriptions, bridge }: BusStatus): readonly SubscriptionStatus[] {
  return bridge === undefined ? subscriptions : [...subscriptions, bridge.relay]
}
