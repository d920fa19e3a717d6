import type { Log } from '../kernel/log.ts'
import type { Runtime, Timer } from '../kernel/runtime.ts'
import type { Position, Store } from '../store/store.ts'
import { Engine } from './engine.ts'
import type { EngineHost } from './engine-host.ts'
import { parkedCollection, readParked } from './parked-event.ts'
import { checkpointsCollection } from './partition-state.ts'
import { runName, type Subscription } from './subscription.ts'
import type { Progress } from './watermark.ts'

export const replaysCollection = 'replays'

/**
 * One pass of a subscription over history, as it was asked for. `open`: its instances work on it; `done`: everything up to `upTo` has been handled, or
 * is parked for an operator; `refused`: the subscription is not declared `replay: 'safe'`; `cancelled`: an operator ended it.
 */
export interface ReplayRun {
  readonly subscription: string
  /** From 1; run 0 is live. */
  readonly run: number
  /** After this position, up to that one inclusive. */
  readonly after: Position
  readonly upTo: Position
  /** Only these types, of those the subscription hears; undefined: all. */
  readonly types?: readonly string[]
  readonly state: 'open' | 'done' | 'refused' | 'cancelled'
  readonly by: string
  readonly at: number
  readonly endedAt?: number
}

export function replayId(replay: Pick<ReplayRun, 'subscription' | 'run'>): string {
  return `${replay.subscription}/${String(replay.run).padStart(6, '0')}`
}

/** How often asked-for replays are looked for, in milliseconds. */
const every = 1_000

/**
 * Carries out the replays that operators ask of this process's subscriptions. Each is a run of its own, with a position and marks of its own:
 * the live run and other subscriptions are untouched. A crash resumes it where its checkpoints stand.
 */
export class ReplayRuns {
  readonly #host: EngineHost
  readonly #subscriptions: () => readonly Subscription[]
  readonly #engines = new Map<string, Engine>()
  #timer: Timer | undefined
  #closed = false

  constructor(host: EngineHost, subscriptions: () => readonly Subscription[]) {
    this.#host = host
    this.#subscriptions = subscriptions
  }

  start(): void {
    this.#timer = this.#host.runtime.setTimer(every, () => {
      this.#look()
        // The store is away: the next look asks again.
        .catch(() => {})
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
    const { store } = this.#host
    const documents = await store.find(replaysCollection, { by: { index: 'state', equal: 'open' } })
    const open = new Set<string>()
    for (const document of documents) {
      const replay = JSON.parse(document.body) as ReplayRun
      const subscription = this.#subscriptions().find(({ settings }) => settings.name === replay.subscription)
      if (subscription === undefined || this.#closed) continue
      open.add(document.id)
      if (subscription.settings.replay !== 'safe')
        await endReplay(store, this.#host.runtime, replay, document.version, 'refused')
      else if (!this.#engines.has(document.id)) await this.#begin(document.id, subscription, replay)
      else if (await isThrough(store, replay))
        await endReplay(store, this.#host.runtime, replay, document.version, 'done')
    }
    for (const [id, engine] of this.#engines) {
      if (open.has(id)) continue
      this.#engines.delete(id)
      await engine.close(5_000)
    }
  }

  async #begin(id: string, live: Subscription, replay: ReplayRun): Promise<void> {
    const log: Log = this.#host.log
    log('info', 'A replay begins', {
      subscription: replay.subscription,
      run: replay.run,
      after: replay.after,
      upTo: replay.upTo,
    })
    const { types } = replay
    const subscription: Subscription = {
      ...live,
      run: replay.run,
      upTo: replay.upTo,
      settings: { ...live.settings, mode: 'queued' },
      matches: (type) => live.matches(type) && (types === undefined || types.includes(type)),
    }
    const engine = new Engine(this.#host, subscription, replay.after)
    this.#engines.set(id, engine)
    await engine.start()
  }
}

/** Whether every partition's checkpoint stands at the end, and nothing parked waits for its retry: nobody else would run it. */
async function isThrough(store: Store, replay: ReplayRun): Promise<boolean> {
  const prefix = `${runName({ settings: { name: replay.subscription }, run: replay.run })}/`
  const done = await store.find(checkpointsCollection, { prefix, limit: 2_000 })
  if (
    done.length !== store.capabilities.partitions ||
    done.some(({ body }) => (JSON.parse(body) as Progress).watermark < replay.upTo)
  )
    return false
  const parked = await store.find(parkedCollection, { prefix, limit: 1_000_000 })
  return !parked.some((document) => readParked(document).state === 'retry')
}

/** Ends a replay; false when somebody else did meanwhile. */
export async function endReplay(
  store: Store,
  runtime: Runtime,
  replay: ReplayRun,
  version: number,
  state: Exclude<ReplayRun['state'], 'open'>,
): Promise<boolean> {
  const ended: ReplayRun = { ...replay, state, endedAt: runtime.now() }
  const id = replayId(replay)
  const [result] = await store.commit([
    {
      expect: [{ collection: replaysCollection, id, version }],
      documents: [
        {
          collection: replaysCollection,
          id,
          put: JSON.stringify(ended),
          index: { state, subscription: replay.subscription },
        },
      ],
    },
  ])
  return result?.status === 'committed'
}
