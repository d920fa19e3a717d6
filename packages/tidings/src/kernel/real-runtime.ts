import { getRandomValues } from 'node:crypto'

import { V7Generator } from 'uuidv7'

import type { Runtime } from './runtime.ts'
import { uuidText } from './uuid-text.ts'

const lagProbeEvery = 500

/** Random numbers drawn at once. Each call of the platform costs as much as drawing hundreds. */
const drawn = 1_024

/** The runtime of real processes: system clock, `node:timers`, random numbers of the platform. */
export function realRuntime(): Runtime {
  const generator = new V7Generator({ nextUint32: randomNumbers() })
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
    id: (ms) => uuidText(generator.generateOrResetWithTs(ms ?? Date.now()).bytes),
    lag() {
      if (!loop.probing) probe()
      return loop.lag
    },
  }
}

/** Unpredictable whole numbers of 32 bits. */
function randomNumbers(): () => number {
  const pool = new Uint32Array(drawn)
  let used = drawn
  return () => {
    if (used === drawn) {
      getRandomValues(pool)
      used = 0
    }
    const number = pool[used] as number
    // What has become an id is nobody's to read again.
    pool[used++] = 0
    return number
  }
}
