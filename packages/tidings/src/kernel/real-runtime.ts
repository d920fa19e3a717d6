import { V7Generator } from 'uuidv7'

import type { Runtime } from './runtime.ts'

const lagProbeEvery = 500

/** The runtime of real processes: system clock, `node:timers`, random numbers of the platform. */
export function realRuntime(): Runtime {
  const generator = new V7Generator()
  const loop = { lag: 0, probing: false }

  // The probe starts with the first question and lives on an unreferenced timer: a process that never asks pays nothing.
  const probe = (): void => {
    loop.probing = true
    const due = performance.now() + lagProbeEvery
    setTimeout(() => {
      loop.lag = Math.max(0, performance.now() - due)
      probe()
    }, lagProbeEvery).unref()
  }

  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    setTimer(ms, run) {
      // Node turns waits above 2^31-1 ms into 1 ms: chain them instead.
      const longest = 2_147_483_647
      let handle: NodeJS.Timeout
      const arm = (left: number): void => {
        handle = left > longest ? setTimeout(() => arm(left - longest), longest) : setTimeout(run, Math.max(0, left))
      }
      arm(ms)
      return { cancel: () => clearTimeout(handle) }
    },
    defer: (run) => void setImmediate(run),
    random: () => Math.random(),
    id: (ms) => generator.generateOrResetCore(ms ?? Date.now(), 10_000).toString(),
    lag() {
      if (!loop.probing) probe()
      return loop.lag
    },
  }
}
