import type { Timer } from '../kernel/runtime.ts'
import type { Store, StoredDocument } from '../store/store.ts'
import type { Delivery } from '../transport/transport.ts'
import { clearReplay } from './clear-replay.ts'
import { Engine } from './engine.ts'
import type { EngineHost } from './engine-host.ts'
import { pacedTransport } from './paced-transport.ts'
import { parkedCollection, readParked } from './parked-event.ts'
import { checkpointsCollection } from './partition-state.ts'
import { endReplay, partMatcher, type ReplayRun, readReplay, replaceReplay, replaysCollection } from './replay-run.ts'
import { runName, type Subscription } from './subscription.ts'
import type { Progress } from './watermark.ts'

/** How often asked-for replays are looked for, in milliseconds. */
const every = 1_000

/**
 * Carries out the replays that operators ask of this process's subscriptions. Each is a run of its own, with a position and marks of its own:
 * the live run and other subscriptions are untouched. A crash resumes it where its checkpoints stand. One that is done keeps its engine for as long
 * as something is parked in it, so that operators are heard.
 */
export class ReplayRuns {
  readonly #host: EngineHost
  readonly #subscriptions: () => readonly Subscription[]
  /** By name, those that exist for replays only. */
  readonly #own = new Map<string, Subscription>()
  readonly #engines = new Map<string, Engine>()
  #timer: Timer | undefined
  #looking: Promise<void> = Promise.resolve()
  #closed = false

  constructor(host: EngineHost, subscriptions: () => readonly Subscription[]) {
    this.#host = host
    this.#subscriptions = subscriptions
  }

  /** Those at work, by id of the replay. */
  get engines(): ReadonlyMap<string, Engine> {
    return this.#engines
  }

  /** From now on carries out replays of a subscription that is not declared on the bus, too; it takes the place of one of the same name. */
  adopt(subscription: Subscription): void {
    this.#own.set(subscription.settings.name, subscription)
  }

  /** Looks at once instead of in a while. Looks follow each other: one that has seen less must not end what another has begun. */
  look(): Promise<void> {
    this.#looking = this.#looking.then(() => (this.#closed ? undefined : this.#look())).catch(() => {})
    return this.#looking
  }

  start(): void {
    this.#timer = this.#host.runtime.setTimer(every, () => {
      void this.look()
        // Where the store is away, the next look asks again.
        .finally(() => {
          if (!this.#closed) this.start()
        })
    })
  }

  async close(deadline: number): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    await Promise.all([...this.#engines.values()].map((engine) => engine.close(deadline)))
  }

  async #look(): Promise<void> {
    const { store, runtime } = this.#host
    const documents = await store.find(replaysCollection, { by: { index: 'care' }, limit: 100_000 })
    const working = new Set<string>()
    const cancelled: { readonly replay: ReplayRun; readonly version: number }[] = []
    for (const document of documents) {
      const replay = readReplay(document)
      // Whoever comes clears it: its own processes may be gone for good.
      if (replay.state === 'cancelled') {
        cancelled.push({ replay, version: document.version })
        continue
      }
      const subscription =
        this.#subscriptions().find(({ settings }) => settings.name === replay.subscription) ??
        this.#own.get(replay.subscription)
      if (subscription === undefined || this.#closed) continue
      if (await this.#tend(document, replay, subscription)) working.add(document.id)
    }
    for (const [id, engine] of this.#engines) {
      if (working.has(id)) continue
      this.#engines.delete(id)
      await engine.close(5_000)
    }
    if (this.#closed) return
    for (const { replay, version } of cancelled) await clearReplay(store, runtime, replay, version)
  }

  /** Begins it, or ends it where it is through. False: nothing is left to be done. */
  async #tend({ id, version }: StoredDocument, replay: ReplayRun, live: Subscription): Promise<boolean> {
    const { store, runtime } = this.#host
    if (replay.state === 'open' && live.settings.replay !== 'safe') {
      await endReplay(store, runtime, replay, version, 'refused', false)
      return false
    }
    if (!this.#engines.has(id)) {
      await this.#begin(id, live, replay)
      return true
    }
    if (replay.state === 'open') {
      const through = await isThrough(store, replay)
      if (through === undefined) return true
      await endReplay(store, runtime, replay, version, 'done', through.leftovers)
      return through.leftovers
    }
    const { leftovers: _leftovers, ...cleared } = replay
    if ((await parkedOf(store, replay, 1)).length > 0) return true
    await replaceReplay(store, cleared, version)
    return false
  }

  /** A start that fails is tried again at the next look, and others begin all the same. */
  async #begin(id: string, live: Subscription, replay: ReplayRun): Promise<void> {
    const { log } = this.#host
    const open = replay.state === 'open'
    log('info', open ? 'A replay begins' : 'What a replay has parked is looked after', {
      subscription: replay.subscription,
      run: replay.run,
      after: replay.after,
      upTo: replay.upTo,
    })
    const inPart = partMatcher(replay)
    const { rate } = replay
    const subscription: Subscription = {
      ...live,
      run: replay.run,
      upTo: replay.upTo,
      settings: { ...live.settings, mode: 'queued' },
      allowance: { effects: replay.effects === 'allow', publishes: replay.publishes === 'allow' },
      matches: (type, record) => live.matches(type, record) && (record === undefined || inPart(record)),
    }
    const matches = ({ record }: Delivery): boolean => record === undefined || subscription.matches(record.type, record)
    const host =
      rate === undefined
        ? this.#host
        : { ...this.#host, transport: pacedTransport(this.#host.transport, this.#host.runtime, rate, matches) }
    const engine = new Engine(host, subscription, open ? replay.after : replay.upTo)
    this.#engines.set(id, engine)
    try {
      await engine.start()
    } catch (error) {
      this.#engines.delete(id)
      log('warn', 'A replay could not begin; it is tried again', {
        subscription: replay.subscription,
        run: replay.run,
        error: (error as Error).message,
      })
      await engine.close(1_000)
    }
  }
}

/** Whether every partition's checkpoint stands at the end, and nothing parked waits for its retry: nobody else would run it. */
async function isThrough(store: Store, replay: ReplayRun): Promise<{ readonly leftovers: boolean } | undefined> {
  if (replay.after >= replay.upTo) return { leftovers: false }
  const prefix = `${runName({ settings: { name: replay.subscription }, run: replay.run })}/`
  const done = await store.find(checkpointsCollection, { prefix, limit: 2_000 })
  if (
    done.length !== store.capabilities.partitions ||
    done.some(({ body }) => (JSON.parse(body) as Progress).watermark < replay.upTo)
  )
    return undefined
  const parked = await parkedOf(store, replay, 1_000_000)
  if (parked.some((document) => readParked(document).state === 'retry')) return undefined
  return { leftovers: parked.length > 0 }
}

function parkedOf(store: Store, replay: ReplayRun, limit: number): Promise<readonly StoredDocument[]> {
  const prefix = `${runName({ settings: { name: replay.subscription }, run: replay.run })}/`
  return store.find(parkedCollection, { prefix, limit })
}
