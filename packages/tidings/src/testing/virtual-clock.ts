import { type Duration, milliseconds } from '../kernel/duration.ts'
import type { VirtualRuntime } from '../kernel/virtual-runtime.ts'

/** Time in the hands of a test. It stands still until somebody moves it. */
export interface VirtualClock {
  /** Wall clock, milliseconds since 1970. */
  now(): number
  /** Moves time on. Everything that falls due meanwhile happens, in order, each with all that follows from it. */
  advance(by: Duration): Promise<void>
  /** Moves time to the next waiting timer and runs it; false when none waits. */
  step(): Promise<boolean>
  /** Moves the wall clock alone, either way, as an administrator would. Durations are untouched. */
  jump(by: number): void
  /** The runtime behind it, for what takes one. */
  readonly runtime: VirtualRuntime
}

export function virtualClock(runtime: VirtualRuntime): VirtualClock {
  return {
    runtime,
    now: () => runtime.now(),
    advance: (by) => runtime.advance(milliseconds(by, 'by')),
    step: () => runtime.step(),
    jump: (by) => runtime.jump(by),
  }
}
