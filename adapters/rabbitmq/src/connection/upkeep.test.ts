import { silentLog, silentMeter, virtualRuntime } from 'tidings/spi'
import { describe, expect, it } from 'vitest'

import { Upkeep } from './upkeep.ts'

const world = (work: () => Promise<void>) => {
  const runtime = virtualRuntime({ seed: 1 })
  const failures: number[] = []
  const upkeep = new Upkeep({ runtime, log: silentLog, meter: silentMeter }, work, (_, count) => failures.push(count))
  return { runtime, failures, upkeep }
}

describe('upkeep', () => {
  it('runs once at a time, and again where it was asked for meanwhile', async () => {
    let running = 0
    let runs = 0
    const gate = Promise.withResolvers<void>()
    const { runtime, upkeep } = world(async () => {
      expect(++running).toBe(1)
      runs++
      if (runs === 1) await gate.promise
      running--
    })
    upkeep.soon()
    upkeep.soon()
    await runtime.advance(1)
    for (let at = 0; at < 5; at++) upkeep.soon()
    expect(runs).toBe(1)
    gate.resolve()
    await runtime.advance(1)
    expect(runs).toBe(2)
  })

  it('tries again after pauses that grow, and at once when it is asked to', async () => {
    let runs = 0
    const { runtime, failures, upkeep } = world(() => Promise.reject(new Error(String(++runs))))
    upkeep.soon()
    await runtime.advance(3_000)
    expect(runs).toBeGreaterThan(4)
    expect(runs).toBeLessThan(9)
    const before = runs
    upkeep.soon()
    await runtime.advance(1)
    expect(runs).toBe(before + 1)
    expect(failures).toEqual(Array.from({ length: runs }, (_, at) => at + 1))
  })

  it('ends: nothing runs afterwards, and no timer is left', async () => {
    let runs = 0
    const { runtime, upkeep } = world(() => Promise.reject(new Error(String(++runs))))
    upkeep.soon()
    await runtime.advance(1)
    await upkeep.end()
    upkeep.soon()
    await runtime.advance(60_000)
    expect(runs).toBe(1)
  })
})
