import type { Event } from '../events/event.ts'
import type { EventRecord } from '../events/record.ts'
import { isInternal } from '../events/type-pattern.ts'
import type { Receipt } from '../publisher/receipt.ts'
import type { Host } from '../store/adapter.ts'
import type { Placed } from '../store/store.ts'
import type { EngineHost } from '../subscriber/engine-host.ts'
import type { Subscription } from '../subscriber/subscription.ts'
import type { TransportAdapter } from '../transport/adapter.ts'
import type { Transport, TransportCapabilities } from '../transport/transport.ts'
import type { BridgeSettings } from './bridge-settings.ts'
import { HandOvers } from './hand-overs.ts'
import { Inbox, type InboxStatus } from './inbox.ts'
import { answerInboxRequests } from './inbox-requests.ts'
import { Outgoing } from './outgoing.ts'
import { RecentIds } from './recent-ids.ts'
import { relayHost, relaySubscription } from './relay.ts'
import { ReopeningTransport } from './reopening-transport.ts'
import { type Routed, routedEvent, routedRecord } from './route.ts'
import { identityOf } from './store-identity.ts'
import { topicsOf } from './topics.ts'

/** What joins a bus to a broker: the relay that hands over what this service publishes, the inbox that takes in what others do. */
export interface Bridge {
  readonly capabilities: TransportCapabilities
  /** The relay, to be registered and run by an engine of `relayHost`. */
  readonly relay: Subscription
  readonly relayHost: EngineHost
  readonly inbox: Inbox
  /** Asks the broker for what these subscriptions want to hear. See `Inbox.hear`. */
  hear(subscriptions: readonly Subscription[]): Promise<void>
  /** Whether this service's own event goes to the broker. */
  takes(record: EventRecord): boolean
  /** Where an event of this service goes, and by which rule; undefined where nothing was said of it. */
  routeOf(record: EventRecord): Routed | undefined
  /** Whether this service's own subscriptions hear an event; undefined: all of them. */
  readonly hears: ((event: Event<unknown>) => boolean) | undefined
  /** Resolves when the broker has an event of this service. See `HandOvers.wait`. */
  handed(receipt: Pick<Receipt, 'id' | 'position'>, deadline: number): Promise<void>
  status(): BridgeStatus
  /** Leaves the group within `deadline` milliseconds; the relay's engine is closed by whoever runs it. */
  close(deadline: number): Promise<void>
  /** Ends what is still on its way to the broker, and the connection. */
  end(): Promise<void>
}

/** How a bus stands to its broker, in this process. */
export interface BridgeStatus {
  readonly broker: TransportCapabilities
  /** Calls to the broker under way, and events that wait for one. */
  readonly flying: number
  readonly waiting: number
  readonly inbox: InboxStatus
}

export interface BridgeHost {
  readonly host: Host
  readonly engines: EngineHost
  readonly source: string
  readonly maxIncomingBytes: number
  readonly settings: BridgeSettings
  /** The broker is there, for the first time or again. */
  opened(capabilities: TransportCapabilities): void
  /** What was received stands in the log now. Must not throw. */
  stored(records: readonly EventRecord[], placed: readonly Placed[]): void | Promise<void>
}

/** How many ids of events that were sent are remembered, so that most of what comes back is recognised without asking the store. */
const remembered = 65_536

/** Most bytes of data handed over in one call. */
const batchBytes = 4_194_304

/** Connects to the broker. Rejects with what its adapter says, unless that is that the broker is away: then it goes on trying. */
export async function openBridge(adapter: TransportAdapter, parts: BridgeHost): Promise<Bridge> {
  const { host, engines, source, settings } = parts
  const identity = await identityOf(engines.store, host.runtime)
  const transport = await ReopeningTransport.open(adapter, host, (capabilities) => parts.opened(capabilities))
  return bridgeOver(transport, { ...parts, host, engines, source, settings, identity })
}

function bridgeOver(transport: Transport, parts: BridgeHost & { readonly identity: string }): Bridge {
  const { host, engines, source, settings } = parts
  const sent = new RecentIds(remembered)
  const arrived = new RecentIds(remembered)
  const outgoing = new Outgoing({
    transport,
    runtime: host.runtime,
    batch: settings.relay.batch,
    batchBytes,
    flights: settings.relay.flights,
    patience: settings.relay.patience,
    leaving: ({ id }) => sent.add(id),
    handed: ({ id }) => handOvers.done(id),
  })
  const { router } = settings
  const takes = (record: EventRecord): boolean =>
    record.source === source &&
    !isInternal(record.type) &&
    !arrived.has(record.id) &&
    (router === undefined || router.decide(routedRecord(record)).to !== 'local')
  const handOvers = new HandOvers(engines.store, host.runtime, takes)
  const inbox = new Inbox({
    store: engines.store,
    committer: engines.committer,
    transport,
    ...host,
    settings: settings.inbox,
    source,
    identity: parts.identity,
    maxBytes: parts.maxIncomingBytes,
    sent: (id) => sent.has(id),
    arrived: (id) => arrived.add(id),
    progressed: () => engines.progressed(),
    stored: (records, placed) => parts.stored(records, placed),
  })
  let stop: (() => void) | undefined
  let closed = false
  return {
    get capabilities() {
      return transport.capabilities
    },
    relay: relaySubscription(settings.relay, takes, (record) => outgoing.send(record)),
    relayHost: relayHost(engines, settings.relay),
    inbox,
    hear(subscriptions) {
      if (!closed) stop ??= answerInboxRequests(engines.store, host.runtime, host.log)
      return inbox.hear(topicsOf(subscriptions))
    },
    takes,
    routeOf: (record) => router?.decide(routedRecord(record)),
    hears:
      router === undefined
        ? undefined
        : (event) => event.source !== source || router.decide(routedEvent(event)).to !== 'remote',
    handed: (receipt, deadline) => handOvers.wait(receipt, deadline),
    status: () => ({
      broker: transport.capabilities,
      flying: outgoing.flying,
      waiting: outgoing.waiting,
      inbox: inbox.status(),
    }),
    close(deadline) {
      closed = true
      stop?.()
      return inbox.close(deadline)
    },
    async end() {
      handOvers.close()
      outgoing.close()
      await transport.close()
    },
  }
}
