import { V7Generator } from 'uuidv7'

import { Heap } from './heap.ts'
import type { Runtime } from './runtime.ts'

interface Due {
  at: number
  order: number
  run: (() => void) | undefined
}

/** A runtime whose time stands still until somebody moves it, and whose random numbers come from a seed. */
export interface VirtualRuntime extends Runtime {
  readonly seed: number
  /** Runs every timer that falls due within the next `ms`, in order of due time, letting promises settle after each. */
  advance(ms: number): Promise<void>
  /** Moves the wall clock alone, as an administrator or a leap would; durations are untouched. */
  jump(ms: number): void
  /** Runs the next waiting timer, moving time to it; false when none waits. */
  step(): Promise<boolean>
  /** How many timers wait. */
  readonly pending: number
}

/** Default epoch of virtual worlds: 2026-01-01T00:00:00Z. */
const defaultStart = 1_767_225_600_000

export function virtualRuntime(options: { seed?: number; start?: number } = {}): VirtualRuntime {
  const seed = options.seed ?? 1
  const next = mulberry32(seed)
  const generator = new V7Generator({ nextUint32: () => Math.floor(next() * 4_294_967_296) })
  const timers = new Heap<Due>((a, b) => a.at - b.at || a.order - b.order)
  let elapsed = 0
  let wall = options.start ?? defaultStart
  let order = 0
  let live = 0
  let deferred = 0

  const add = (ms: number, run: () => void): { cancel(): void } => {
    const due: Due = { at: elapsed + Math.max(0, ms), order: order++, run }
    timers.push(due)
    live++
    return {
      cancel() {
        if (due.run === undefined) return
        due.run = undefined
        live--
      },
    }
  }

  /** Lets everything happen that needs no clock. One real turn of the loop drains the whole microtask queue. */
  const quiet = async (): Promise<void> => {
    do await new Promise((resolve) => void setImmediate(resolve))
    while (deferred > 0)
  }

  const moveTo = (at: number): void => {
    wall += at - elapsed
    elapsed = at
  }

  const pop = (until: number): Due | undefined => {
    for (let due = timers.peek(); due !== undefined && due.at <= until; due = timers.peek()) {
      timers.pop()
      if (due.run !== undefined) return due
    }
    return undefined
  }

  const fire = async (due: Due): Promise<void> => {
    if (due.at > elapsed) moveTo(due.at)
    const run = due.run
    due.run = undefined
    live--
    run?.()
    await quiet()
  }

  return {
    seed,
    now: () => Math.floor(wall),
    monotonic: () => elapsed,
    setTimer: add,
    defer(run) {
      deferred++
      setImmediate(() => {
        deferred--
        run()
      })
    },
    random: next,
    id: (ms) => generator.generateOrResetCore(ms ?? Math.floor(wall), 3_600_000).toString(),
    lag: () => 0,
    get pending() {
      return live
    },
    async advance(ms) {
      const until = elapsed + ms
      await quiet()
      for (let due = pop(until); due !== undefined; due = pop(until)) await fire(due)
      moveTo(until)
    },
    jump(ms) {
      wall += ms
    },
    async step() {
      await quiet()
      const due = pop(Number.POSITIVE_INFINITY)
      if (due === undefined) return false
      await fire(due)
      return true
    },
  }
}

/** A small seeded generator with 32 bits of state; good enough to vary a simulation, useless for secrets. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
