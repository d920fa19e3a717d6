import type { EventBusOptions } from '../bus/bus-options.ts'
import { type Duration, milliseconds } from '../kernel/duration.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { Store } from '../store/store.ts'
import { type WatchedStore, watchedStore } from './calls-under-way.ts'
import { createTestBus, type TestWorld } from './create-test-bus.ts'
import type { FaultKind } from './fault-plan.ts'

/** What may go wrong at one call: the process dies, or the store's answer is lost, or there is none. */
export type CrashKind = Extract<FaultKind, 'crash before' | 'crash after' | 'crash reading' | 'lose answer' | 'fail'>

export const crashKinds: readonly CrashKind[] = ['crash before', 'crash after', 'crash reading', 'lose answer', 'fail']

/** Where one run was struck. */
export interface CrashPlace {
  readonly what: CrashKind
  /** Which of the calls that this can happen to, from 0, counted from when the bus had started. */
  readonly call: number
  /** 1 where a process has died, else 0. */
  readonly crashes: number
}

export interface CrashEverywhereOptions<Story> {
  /** A store without a past for each run; it is closed afterwards. Default: in memory. */
  readonly store?: () => Store | Promise<Store>
  /** What each process does before it starts: subscribe, bring sagas along. Called for the one that dies and for the one that takes over. */
  readonly prepare: (world: TestWorld, story: Story) => void | Promise<void>
  /** What is asked of the bus from outside. Asked again of the process that takes over, so give what is published an `id` of its own. */
  readonly act: (world: TestWorld, story: Story) => unknown
  /** What belongs to one run alone: counters of the receivers outside, which outlive the process. */
  readonly story: () => Story
  /** Whether the run has come to its end. Look at `world.store` for it, which knows no faults: what is asked of the bus counts as calls of the story. */
  readonly done: (world: TestWorld, story: Story) => boolean | Promise<boolean>
  /** Throws where the outcome is not as it must be. */
  readonly check: (world: TestWorld, story: Story, place: CrashPlace | undefined) => void | Promise<void>
  /** Which kinds. Default: all. */
  readonly kinds?: readonly CrashKind[]
  /** Virtual time that a run may take, and that is waited beyond its end for what should not happen. Default 2 min and 2 s. */
  readonly within?: Duration
  readonly beyond?: Duration
  /** Decides ids and jitter. Default 1. */
  readonly seed?: number
  readonly bus?: Pick<EventBusOptions, 'events' | 'log' | 'concurrency' | 'sagaTimeout'>
}

export interface CrashedEverywhere {
  /** How many runs there were, the first without any fault included. */
  readonly runs: number
  /** Calls that were struck, by kind. */
  readonly struck: Readonly<Record<string, number>>
}

const slice = 100

/**
 * Runs a story once in peace, and then once for every call of a store that it makes and every way in which that call can go wrong: the process dies before
 * it, after it, or while it reads, the answer is lost, or the store is away. Where the process has died, another takes over. Each outcome is checked; the
 * first that is wrong is thrown, with its place. In virtual time, on any store.
 */
export async function crashEverywhere<Story>(options: CrashEverywhereOptions<Story>): Promise<CrashedEverywhere> {
  await run(options, undefined)
  const struck: Record<string, number> = {}
  let runs = 1
  for (const what of options.kinds ?? crashKinds) {
    struck[what] = 0
    for (let call = 0; await run(options, { what, call }); call++) {
      struck[what]++
      runs++
    }
  }
  return { runs, struck }
}

/** False: the story ended before that call. */
async function run<Story>(
  options: CrashEverywhereOptions<Story>,
  at: Omit<CrashPlace, 'crashes'> | undefined,
): Promise<boolean> {
  const inner = await (options.store?.() ?? memoryStore())
  const watched = watchedStore(inner)
  const story = options.story()
  const common = { transport: { poll: 1_000, lease: 2_000 }, ...options.bus }
  const first = await createTestBus({ ...common, store: watched.store, seed: options.seed ?? 1 })
  let world = first
  try {
    await begin(options, first, story)
    await pass(first, watched, 1_000)
    if (at !== undefined) first.faults.add({ what: at.what, skip: at.call, times: 1 })
    tell(options, first, story)
    let ended = await live(options, first, watched, story)
    const wasStruck = first.faults.struck.size > 0
    if (first.faults.crashed) {
      world = await createTestBus({ ...common, beside: first })
      await begin(options, world, story, watched)
      tell(options, world, story)
      ended = await live(options, world, watched, story)
    }
    const place = at === undefined ? undefined : { ...at, crashes: first.faults.crashed ? 1 : 0 }
    await verify(options, world, story, place, ended)
    return at === undefined || wasStruck
  } finally {
    await world.close()
    await first.close()
    await inner.close()
  }
}

async function begin<Story>(
  { prepare }: CrashEverywhereOptions<Story>,
  world: TestWorld,
  story: Story,
  watched?: WatchedStore,
): Promise<void> {
  await prepare(world, story)
  let started = false
  const starting = world.bus.start().finally(() => (started = true))
  // Its promise is awaited below; until then nobody may hear of a rejection.
  starting.catch(() => {})
  while (!started) {
    await watched?.idle()
    await world.clock.advance(0)
  }
  await starting
}

function tell<Story>({ act }: CrashEverywhereOptions<Story>, world: TestWorld, story: Story): void {
  // In a process that dies it never settles, and where the store is away it may reject.
  void Promise.resolve(act(world, story)).catch(() => {})
}

/** Lets time pass until the story has ended. False: it has not, within its time. */
async function live<Story>(
  { done, within = '2m', beyond = '2s' }: CrashEverywhereOptions<Story>,
  world: TestWorld,
  watched: WatchedStore,
  story: Story,
): Promise<boolean> {
  const until = world.clock.runtime.monotonic() + milliseconds(within, 'within')
  const { faults } = world
  // What a dead process has asked is never answered.
  const died = new Promise<false>((resolve) => faults.onCrash(() => resolve(false)))
  while (!faults.crashed) {
    await watched.idle()
    if (await Promise.race([done(world, story), died])) {
      // What follows is the same for every place.
      world.faults.heal()
      await pass(world, watched, milliseconds(beyond, 'beyond'))
      return true
    }
    if (world.clock.runtime.monotonic() > until) return false
    await pass(world, watched, slice)
  }
  return false
}

async function pass(world: TestWorld, watched: WatchedStore, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= slice) {
    await watched.idle()
    await world.clock.advance(Math.min(slice, left))
  }
  await watched.idle()
}

async function verify<Story>(
  { check }: CrashEverywhereOptions<Story>,
  world: TestWorld,
  story: Story,
  place: CrashPlace | undefined,
  ended: boolean,
): Promise<void> {
  try {
    if (!ended) throw new Error('It has not come to its end within its time.')
    await check(world, story, place)
  } catch (error) {
    const where = place === undefined ? 'without any fault' : `${place.what}, call ${place.call}`
    throw new Error(`${where} (seed ${world.seed}): ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}
