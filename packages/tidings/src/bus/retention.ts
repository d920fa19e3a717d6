import type { AnyEventDefinition } from '../events/define-event.ts'
import type { Log } from '../kernel/log.ts'
import type { Runtime, Timer } from '../kernel/runtime.ts'
import type { Position, PruneQuery, Store } from '../store/store.ts'
import { isInLog, parkedCollection, readParked } from '../subscriber/parked-event.ts'
import { checkpointsCollection } from '../subscriber/partition-state.ts'
import { type ReplayRun, replaysCollection } from '../subscriber/replay-run.ts'
import type { Progress } from '../subscriber/watermark.ts'
import { type Arrivals, noteArrivals } from './arrivals.ts'
import { keptTypes } from './kept-types.ts'
import { type Registration, subscriptionsCollection } from './registration.ts'
import { removeAllGone } from './remove-gone.ts'

/** How often old events are looked for, in milliseconds, and how many go in one batch. */
const every = 60_000
const batch = 1_000

/** How often those are looked for whose type says nothing, in milliseconds: each look passes over all that stays. */
const widerEvery = 3_600_000

/** What holds for more than one type. Times are milliseconds; Infinity: for ever. */
export interface WiderRetention {
  /** How long events of this service stay at least whose type says nothing. Default: for ever. */
  readonly own?: { readonly source: string; readonly stay: number }
  /**
   * How long events of other services stay at least whose type says nothing. Default: for ever. Where it is given, it counts from when they
   * were received, and so does what their types say: an event may have been on its way for long, from a service whose clock is slow, and while
   * it stays its coming again is recognised.
   */
  readonly received?: { readonly own: string; readonly stay: number }
}

/**
 * Lets events go whose type's retention is over, and those of other services, once every registered subscription has passed them and nothing parked refers to
 * them. What a state is rebuilt from stays (`keptTypes`). In bounded batches with the event loop in between. Returns how to stop.
 */
export function keepRetention(
  store: Store,
  runtime: Runtime,
  log: Log,
  definitions: () => Iterable<AnyEventDefinition>,
  wider: WiderRetention = {},
): () => void {
  let timer: Timer | undefined
  let stopped = false
  let ownDue = runtime.monotonic()
  let receivedDue = ownDue
  /** Of events of others whose type says nothing, all at or below are gone. */
  let receivedGone = 0

  const remove = async (query: Omit<PruneQuery, 'limit'>): Promise<void> => {
    for (let more = true; more && !stopped; ) {
      more = (await store.prune({ ...query, limit: batch })).more
      if (more) await new Promise<void>((resolve) => runtime.defer(resolve))
    }
  }

  /** Types that have a retention of their own, and how long that is. */
  const named = (): ReadonlyMap<string, number> =>
    new Map([...definitions()].flatMap(({ type, retention }) => (retention === undefined ? [] : [[type, retention]])))

  const sweep = async (): Promise<void> => {
    await removeAllGone(store)
    const types = named()
    const kept = await keptTypes(store)
    const ending = [...types].filter(([type, stay]) => Number.isFinite(stay) && !kept.has(type))
    const own = isEnding(wider.own) ? wider.own : undefined
    const received = isEnding(wider.received) ? wider.received : undefined
    const isOwnDue = own !== undefined && runtime.monotonic() >= ownDue
    if (ending.length === 0 && !isOwnDue && received === undefined) return
    const now = runtime.now()
    const stays = [...ending.map(([, stay]) => stay), received?.stay ?? 0]
    const arrivals = wider.received && (await noteArrivals(store, now, Math.max(...stays)))
    const through = await passedByAll(store)
    if (through === 0) return
    for (const [type, stay] of ending) await removeType(type, through, now - stay, arrivals)
    const exceptTypes = [...new Set([...types.keys(), ...kept])]
    if (isOwnDue) {
      await remove({ through, source: own.source, exceptTypes, before: now - own.stay })
      ownDue = runtime.monotonic() + widerEvery
    }
    if (received !== undefined && arrivals !== undefined && runtime.monotonic() >= receivedDue) {
      const until = Math.min(through, arrivals.through(now - received.stay))
      if (until <= receivedGone) return
      await remove({ through: until, exceptSource: received.own, exceptTypes })
      receivedGone = until
      receivedDue = runtime.monotonic() + widerEvery
    }
  }

  const removeType = async (type: string, through: Position, before: number, arrivals?: Arrivals): Promise<void> => {
    if (wider.received === undefined || arrivals === undefined) return remove({ through, types: [type], before })
    const { own } = wider.received
    await remove({ through, types: [type], source: own, before })
    await remove({ through: Math.min(through, arrivals.through(before)), types: [type], exceptSource: own })
  }

  const next = (): void => {
    timer = runtime.setTimer(every, () => {
      sweep()
        .catch((error: unknown) =>
          log('warn', 'Old events could not be removed; it is tried again', { error: (error as Error).message }),
        )
        .finally(() => {
          if (!stopped) next()
        })
    })
  }

  next()
  return () => {
    stopped = true
    timer?.cancel()
  }
}

function isEnding(one: { readonly stay: number } | undefined): boolean {
  return one !== undefined && Number.isFinite(one.stay)
}

/**
 * Everything at or below has been passed by every registered subscription and every open replay, and is referred to by nothing parked: everything, or
 * what is of one partition.
 */
export async function passedByAll(store: Store, partition?: number): Promise<Position> {
  let through = (await store.readAll({ after: 0, limit: 1, types: [] })).through
  for (const document of await store.find(subscriptionsCollection, { limit: 100_000 })) {
    const { name, run, start } = JSON.parse(document.body) as Registration
    through = Math.min(through, await passedBy(store, `${name}/${run}`, start, partition))
  }
  for (const document of await store.find(replaysCollection, {
    by: { index: 'state', equal: 'open' },
    limit: 100_000,
  })) {
    const { subscription, run, after } = JSON.parse(document.body) as ReplayRun
    through = Math.min(through, await passedBy(store, `${subscription}/${run}`, after, partition))
  }
  for (const document of await store.find(parkedCollection, { limit: 1_000_000 })) {
    const parked = readParked(document)
    const concerned = partition === undefined || parked.partition === partition
    if (concerned && isInLog(parked)) through = Math.min(through, parked.offset - 1)
  }
  return through
}

/** How far one pass has come in all its partitions, or in one. */
async function passedBy(store: Store, run: string, start: Position, partition: number | undefined): Promise<Position> {
  const [query, expected] =
    partition === undefined
      ? [{ prefix: `${run}/`, limit: 2_000 }, store.capabilities.partitions]
      : [{ id: `${run}/${partition}` }, 1]
  const checkpoints = await store.find(checkpointsCollection, query)
  const watermarks = checkpoints.map(({ body }) => (JSON.parse(body) as Progress).watermark)
  // A partition without a checkpoint has not been read beyond the start.
  return Math.min(...watermarks, checkpoints.length < expected ? start : Number.POSITIVE_INFINITY)
}
