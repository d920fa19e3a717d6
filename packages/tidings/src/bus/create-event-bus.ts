import { type Bridge, openBridge } from '../bridge/bridge.ts'
import { promiseLine } from '../bridge/promise-line.ts'
import { noteRoute } from '../bridge/route-note.ts'
import { routedSubscription } from '../bridge/routed-subscription.ts'
import { directHearing, directSettings } from '../direct/direct-subscriptions.ts'
import { directTransport } from '../direct/direct-transport.ts'
import type { AnyEventDefinition } from '../events/define-event.ts'
import { TidingsError } from '../kernel/errors.ts'
import { Lifecycle, within } from '../kernel/lifecycle.ts'
import { silentLog } from '../kernel/log.ts'
import { silentMeter } from '../kernel/meter.ts'
import { realRuntime } from '../kernel/real-runtime.ts'
import { wholeRecord } from '../payloads/redeem.ts'
import { Committer } from '../publisher/committer.ts'
import { Publisher } from '../publisher/publisher.ts'
import { DueTimers } from '../publisher/timers/due-timers.ts'
import { HeardLater } from '../publisher/timers/heard-later.ts'
import { cancelTimer, listTimers } from '../publisher/timers/scheduled-event.ts'
import type { Host } from '../store/adapter.ts'
import { recentCommits } from '../store/recent-commits.ts'
import { isSqlStore } from '../store/sql-store.ts'
import type { Position, Store } from '../store/store.ts'
import { Audiences } from '../subscriber/audiences.ts'
import { decode } from '../subscriber/decode.ts'
import { Engine } from '../subscriber/engine.ts'
import type { EngineHost } from '../subscriber/engine-host.ts'
import { ReplayRuns } from '../subscriber/replay-runs.ts'
import { Slots } from '../subscriber/slots.ts'
import { type SubscribeOptions, subscriptionSettings } from '../subscriber/subscribe-options.ts'
import { type Handler, type SubscribeTo, subscriptionOf, targetMistakes } from '../subscriber/subscription.ts'
import { logTransport } from '../transport/log/log-transport.ts'
import type { TransportCapabilities } from '../transport/transport.ts'
import type { Attachment } from './attachment.ts'
import { Attachments } from './attachments.ts'
import type { EventBusOptions } from './bus-options.ts'
import { rememberParts } from './bus-parts.ts'
import { type BusSettings, busSettings } from './bus-settings.ts'
import type { EventBus } from './event-bus.ts'
import { eventHistory } from './event-history.ts'
import { type OpenedStore, openStore } from './open-store.ts'
import { isBroker, type ResolvedOptions, withBroker } from './open-transport.ts'
import { closed, isClosing, publishing } from './publishing.ts'
import { registerRelay } from './register-relay.ts'
import { keepRetention } from './retention.ts'
import { Subscriptions } from './subscriptions.ts'
import { sweepDocuments } from './sweep-documents.ts'
import { transaction } from './transaction.ts'
import { trimMemory } from './trim-memory.ts'

/**
 * Opens a bus. Rejects with every mistake in the options at once (`TIDINGS_INVALID_OPTION`), or with what the store says.
 * It publishes from now on; delivery begins with `start`.
 */
export async function createEventBus(options: EventBusOptions): Promise<EventBus> {
  if (typeof options !== 'object' || options === null)
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      "Expected options that say where events are kept, such as { url: 'sqlite:./tidings.db' }.",
      { details: { field: 'options' } },
    )
  const runtime = options.runtime ?? realRuntime()
  const log = options.log ?? silentLog
  const meter = options.meter ?? silentMeter
  const settings = busSettings(options)
  const resolved = await withBroker(options)
  const opened = await openStore(resolved, { runtime, log, meter })
  try {
    return await assemble(resolved, settings, opened, { runtime, log, meter })
  } catch (error) {
    if (opened.owned) await opened.store.close().catch(() => {})
    throw error
  }
}

async function assemble(
  options: ResolvedOptions,
  settings: BusSettings,
  { store, owned, broker }: OpenedStore,
  { runtime, log, meter }: Host,
): Promise<EventBus> {
  const { source, txHold, validate } = settings
  const group = settings.bridge?.inbox.group ?? ''
  // A memory store hands out its own objects already.
  const nearby = store.capabilities.durability === 'memory' ? store : recentCommits(store)
  const commits = (): Committer =>
    new Committer(nearby, runtime, {
      meter,
      log,
      ...(settings.batch === undefined ? {} : { maxUnits: settings.batch }),
    })
  const committer = commits()
  // Without a store a publish takes as long as the broker's answer, and what handlers have done need not wait for that.
  const marks = broker === undefined ? committer : commits()
  const transport =
    broker !== undefined
      ? directTransport(broker, { runtime, log, meter }, (name) => directHearing(group, subscriptions.declared, name))
      : typeof options.transport === 'function'
        ? options.transport(store, { runtime, log, meter })
        : logTransport(nearby, { runtime, log, meter }, isBroker(options.transport) ? {} : options.transport)
  const slots = new Slots(settings.concurrency)
  const definitions = new Map<string, AnyEventDefinition>(
    (options.events ?? []).map((definition) => [definition.type, definition]),
  )
  const life = new Lifecycle('The event bus')
  const stopping: (() => void)[] = []
  const attachments = new Attachments()
  const audiences = new Audiences(store)
  const joined = new Map<string, Position>()
  const listeners = new Set<() => void>()
  const prepareOptions = { runtime, source, validate }
  const reading = {
    validate,
    definitions,
    verifySeal: options.verifySeal,
    maxBytes: settings.maxIncomingBytes,
    payloads: options.payloads,
  }
  let head = 0
  let progressing = false
  let delivering = false

  const progressed = (): void => {
    if (progressing || listeners.size === 0) return
    progressing = true
    queueMicrotask(() => {
      progressing = false
      for (const listener of listeners) listener()
    })
  }

  const host: EngineHost = {
    store,
    transport,
    committer: marks,
    runtime,
    log,
    meter,
    slots,
    instance: runtime.id(),
    joined,
    progressed,
    published(records, placed) {
      // Where a queue hears them, it serves inline subscriptions too; a store of this process alone has none.
      if (store.capabilities.durability === 'memory') void publisher.heard(records, placed)
      else publisher.counted(records.length)
    },
    decode: (delivery, subscription) => decode(delivery, subscription, reading),
    whole: (record) => wholeRecord(record, reading),
    attempts: {
      prepare: (draft, stamp) => publisher.prepare(draft, stamp),
      claim: (record, claims) => publisher.claim(record, claims),
      begin: (signal) => sqlStore(store).begin({ hold: txHold, signal }),
    },
  }

  const subscriptions = new Subscriptions({
    engines: host,
    audiences,
    delivering: () => delivering,
    closed: () => life.phase === 'draining' || life.phase === 'closed',
    assertOpen: () => life.assertOpen(),
    declared: () => bridge?.hear(subscriptions.declared),
  })
  const { declared, engines, starts, late } = subscriptions

  const publisher = new Publisher({
    ...prepareOptions,
    store,
    durability: (broker ?? store).capabilities.durability,
    committer,
    meter,
    settings: settings.publish,
    dedupSecret: options.publish?.dedupSecret ?? '',
    audience: (type) => audiences.of(type),
    committed(placed) {
      const last = placed.at(-1)
      if (last !== undefined && last.position > head) head = last.position
      trim?.(head)
    },
  })

  const trim =
    owned && store.capabilities.durability === 'memory'
      ? trimMemory({ store, log, starts, live: engines, replays: () => replays.engines }, settings.keep)
      : undefined

  const promise = (capabilities: TransportCapabilities | undefined): void => {
    const promised = {
      store: store.capabilities,
      broker: capabilities,
      group,
      beside: options.beside,
      direct: broker !== undefined,
    }
    // Without a broker nothing is promised that was not chosen.
    log(capabilities === undefined ? 'debug' : 'info', promiseLine(promised), {
      source,
      store: store.capabilities.name,
      ...(capabilities === undefined ? {} : { broker: capabilities.name, group }),
    })
  }
  const bridge: Bridge | undefined =
    broker === undefined && isBroker(options.transport) && settings.bridge !== undefined
      ? await openBridge(options.transport, {
          host: { runtime, log, meter },
          engines: host,
          source,
          maxIncomingBytes: settings.maxIncomingBytes,
          settings: settings.bridge,
          opened: promise,
          // A durable store is read by inline subscriptions, too; one in memory has told them of nothing yet.
          stored: (records, placed) =>
            store.capabilities.durability === 'memory' ? publisher.heard(records, placed) : undefined,
        })
      : undefined
  // Before anybody can publish, so that nothing of it is left out.
  const relayed =
    bridge === undefined
      ? undefined
      : await registerRelay(store, runtime, bridge, source).catch(async (error: unknown) => {
          await bridge.end()
          throw error
        })
  if (relayed !== undefined) starts.set(relayed.name, relayed.start)

  // A broker that is away now promises nothing before it is there.
  if (bridge === undefined) promise(broker?.capabilities)

  const replays = new ReplayRuns(host, () => declared)
  const allDefinitions = (): Iterable<AnyEventDefinition> => [
    ...definitions.values(),
    ...declared.flatMap((subscription) => [...subscription.definitions.values()]),
  ]

  const startAll = async (): Promise<void> => {
    // More may be brought along meanwhile; whoever comes from now on begins by itself.
    while (attachments.waiting || subscriptions.waiting) {
      await attachments.prepare()
      await subscriptions.start()
    }
    delivering = true
    if (bridge !== undefined && relayed !== undefined) {
      await noteRoute(store, source, options.route, log)
      const engine = new Engine(bridge.relayHost, bridge.relay, relayed.start)
      engines.set(bridge.relay.settings.name, engine)
      await engine.start()
      // What is received must find the subscriptions registered.
      await bridge.hear(declared)
    }
    life.assertOpen()
    replays.start()
    if (broker === undefined) due.start()
    stopping.push(() => due.close())
    const wider = {
      own: { source, stay: settings.retention },
      ...(settings.bridge === undefined ? {} : { received: { own: source, stay: settings.bridge.remember } }),
    }
    stopping.push(keepRetention(store, runtime, log, allDefinitions, wider))
    stopping.push(sweepDocuments(store, runtime, log, broker === undefined))
    await attachments.start()
  }

  const later = new HeardLater(publisher, log, progressed)
  const due = new DueTimers({ store, committer, publisher, runtime, log, later, progressed })
  const timers: EventBus['timers'] = {
    cancel: (id) => cancelTimer(store, id),
    list: (limit) => listTimers(store, limit),
  }
  const publish = publishing({
    life,
    publisher,
    bridge,
    runtime,
    store,
    committer,
    settings: settings.publish,
    notLater:
      broker === undefined ? undefined : '`delay` and `at` need a store: without one, nothing is kept until it is due.',
    scheduled: (at) => due.scheduled(at),
  })

  const bus: EventBus = {
    source,
    store: eventHistory(store, reading),
    publish,
    timers,
    subscribe(to: SubscribeTo, subscribeOptions: SubscribeOptions, handler: Handler<never>) {
      life.assertOpen()
      const known = targetMistakes(to, handler)
      const chosen =
        broker === undefined ? subscriptionSettings(subscribeOptions, known) : directSettings(subscribeOptions, known)
      const subscription = routedSubscription(subscriptionOf(to, chosen, handler), bridge?.hears)
      subscriptions.declare(subscription)
    },
    use(attachment: Attachment) {
      life.assertOpen()
      const { name } = attachment
      attachments.add(bus, attachment)
      if (!delivering) return
      late.forget(name)
      late.begin(name, async () => {
        try {
          await attachments.prepare(name)
          await attachments.start(name)
        } catch (error) {
          await attachments.remove(name)
          throw error
        }
      })
    },
    transaction: (work) => transaction(sqlStore(store), txHold, publisher, work),
    start: async () => {
      await life.start(() =>
        startAll().catch(async (error: unknown) => {
          // What has begun by then must not go on in a bus that calls itself closed.
          for (const stop of stopping.splice(0)) stop()
          await attachments.close(1_000).catch(() => {})
          await subscriptions.close(1_000)
          await bridge?.close(1_000)
          throw error
        }),
      )
      await late.started()
    },
    close: ({ deadline = 10_000 } = {}) => {
      const until = runtime.monotonic() + deadline
      // Each step may take its share of what is left, and the last ones always get a moment.
      const share = (part: number): number => Math.max(100, (until - runtime.monotonic()) * part)
      const bounded = (part: number, work: Promise<unknown>): Promise<boolean> =>
        within(runtime, share(part), work).catch(() => false)
      return life.close(
        async () => {
          for (const stop of stopping) stop()
          // What still comes would find nobody to handle it.
          if (bridge !== undefined) await bounded(0.3, bridge.close(share(0.25)))
          subscriptions.stopWatching()
          await bounded(0.3, attachments.close(share(0.25)))
          await bounded(0.3, later.idle())
          await bounded(0.5, replays.close(share(0.4)))
          await bounded(0.85, subscriptions.close(share(0.8)))
          await bounded(0.6, Promise.all([committer.idle(), marks.idle()]))
          audiences.close()
          if (bridge !== undefined) await bounded(0.5, bridge.end())
          await bounded(0.6, transport.close())
          if (owned) await bounded(1, store.close())
        },
        (starting) => bounded(0.5, starting),
      )
    },
  }

  rememberParts(bus, {
    store,
    transport,
    committer,
    runtime,
    log,
    meter,
    direct: broker !== undefined,
    sagaTimeout: settings.sagaTimeout,
    sagas: settings.sagas,
    engines,
    declared,
    publisher,
    bridge,
    phase: () => life.phase,
    listening: () => audiences.busy,
    joined,
    join: (listener) => audiences.join(listener),
    enter: (work) => (isClosing(life) ? Promise.reject(closed()) : work()),
    reading,
    replays,
    attachedWork: () => attachments.busy() ?? (due.busy || later.busy ? 'what is due is being published' : undefined),
    endSubscription: (name, deadline) => subscriptions.end(name, deadline),
    scheduled: (at) => due.scheduled(at),
    hearLater: (records, placed) => later.hear(records, placed),
    failure: (name) => late.failure(name),
    started: () => late.ended(),
    head: () => head,
    onProgress(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  })
  return bus
}

function sqlStore(store: Store): Store & Parameters<typeof transaction>[0] {
  if (isSqlStore(store)) return store
  throw new TidingsError(
    'TIDINGS_NOT_SUPPORTED',
    `The store ${store.capabilities.name} has no SQL transactions; use an SQL store, or documents and events alone.`,
    { details: { capability: 'sql' } },
  )
}
