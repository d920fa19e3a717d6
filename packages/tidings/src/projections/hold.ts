import { headOf } from '../bus/registration.ts'
import { type Runtime, sleep } from '../kernel/runtime.ts'
import type { Position, Store } from '../store/store.ts'
import type { Generation, ProjectionState } from './generation.ts'
import { type GenerationProgress, isBeyond, isThrough, type Local, readProgress } from './progress.ts'
import { changeState, readState } from './state-store.ts'
import { withHold } from './transitions.ts'

/** How long feeders wait for each other at one position at first, in milliseconds; longer while a comparison goes on. */
const patience = 10_000

/** Time between two looks whether they have come there, in milliseconds. */
const every = 25

/** After so long every feeder that lives has heard where to stop, in milliseconds: whoever went beyond by then goes no further. */
const heard = 1_500

/** What bringing generations to one position needs. */
export interface HoldHost {
  readonly store: Store
  readonly runtime: Runtime
  /** Of the projection. */
  readonly name: string
  local(generation: number): Local
  /** Feeders of this process look at what the state says of a hold. */
  held(state: ProjectionState): void
  closed(): boolean
}

export interface Both {
  readonly next: GenerationProgress
  readonly live: GenerationProgress
}

/** Two generations on their way to one position, or there. */
export interface Level {
  readonly next: Generation
  readonly live: Generation
  /** It is raised where somebody had gone beyond before he heard of it. */
  readonly at: Position
  readonly by: string
  /** Waits until both stand there; false where that takes too long. */
  reached(): Promise<boolean>
  /** Where both stand there and nothing beyond was applied: how far they are. */
  still(): Promise<Both | undefined>
  /** A comparison goes on: feeders wait longer. */
  extend(): Promise<void>
}

/**
 * Asks the feeders of all processes to apply nothing beyond what anybody has applied by now, so that the one that is behind comes up to it. Undefined where
 * somebody else asks that already.
 */
export async function holdGenerations(
  carrier: HoldHost,
  next: Generation,
  live: Generation,
): Promise<Level | undefined> {
  const { store, runtime, name } = carrier
  const by = runtime.id()
  const progress = async (): Promise<Both> => ({
    next: await readProgress(store, name, next, carrier.local(next.number)),
    live: await readProgress(store, name, live, carrier.local(live.number)),
  })
  const begun = await progress()
  let at = Math.max(begun.next.high, begun.live.high)
  let since = runtime.monotonic()
  let held = false
  const put = async (): Promise<boolean> => {
    const state = await changeState(store, name, (current) => {
      if (current === undefined) return undefined
      const { hold } = current
      const free = hold === undefined || hold.until <= runtime.now()
      // Once it was ours it is not taken again: who found it over may have applied something since.
      return hold?.by === by || (free && !held)
        ? withHold(current, { at, until: runtime.now() + patience, by })
        : undefined
    })
    if (state !== undefined) carrier.held(state)
    held ||= state?.hold?.by === by
    return state?.hold?.by === by
  }
  if (!(await put())) return undefined
  if (live.joined === true || next.joined === true) {
    // What publishers have applied lies beyond every checkpoint. From here on they apply nothing, for their commits expect a state without a hold.
    at = Math.max(at, await headOf(store))
    if (!(await put())) return undefined
  }
  const still: Level['still'] = async () => {
    const both = await progress()
    const beyond = (await isBeyond(store, next, both.next, at)) || (await isBeyond(store, live, both.live, at))
    if (beyond) {
      if (runtime.monotonic() - since < heard) return undefined
      at = Math.max(at, both.next.high, both.live.high)
      since = runtime.monotonic()
      await put()
      return undefined
    }
    const level =
      (await isThrough(store, next, both.next, at)) &&
      // What nobody feeds any more need not come there, for generations of two versions are not compared row by row.
      (next.version !== live.version || (await isThrough(store, live, both.live, at)))
    if (!level) return undefined
    // While it is there no publisher has applied anything in his commit.
    const { state } = await readState(store, name)
    return state?.hold?.by === by ? both : undefined
  }
  return {
    next,
    live,
    by,
    still,
    get at() {
      return at
    },
    extend: async () => void (await put()),
    async reached() {
      const until = runtime.monotonic() + patience * 0.8
      for (;;) {
        if (carrier.closed()) return false
        if ((await still()) !== undefined) return true
        if (runtime.monotonic() >= until) return false
        await sleep(runtime, every)
      }
    },
  }
}

export async function releaseHold(host: HoldHost, { by }: Level): Promise<void> {
  const state = await changeState(host.store, host.name, (current) =>
    current?.hold?.by === by ? withHold(current, undefined) : undefined,
  )
  if (state !== undefined) host.held(state)
}
