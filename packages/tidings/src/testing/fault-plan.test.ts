import { describe, expect, it } from 'vitest'

import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { type FaultKind, type FaultPlace, FaultPlan } from './fault-plan.ts'

const commits: ReadonlySet<FaultKind> = new Set(['delay', 'fail', 'lose answer'])
const settle: ReadonlySet<FaultPlace> = new Set(['settle'])
const publish: ReadonlySet<FaultPlace> = new Set(['publish'])

describe('a plan of faults', () => {
  it('strikes where and as often as its rules say', () => {
    const runtime = virtualRuntime()
    const plan = new FaultPlan([{ what: 'fail', at: 'settle', skip: 1, times: 2 }])
    const strikes = [publish, settle, settle, publish, settle, settle].map(
      (places) => plan.strike(runtime, commits, places).what,
    )
    expect(strikes).toEqual([undefined, undefined, 'fail', undefined, 'fail', undefined])
    expect(plan.struck.get('fail')).toBe(2)
  })

  it('adds delays up and takes the first of the other faults', () => {
    const plan = new FaultPlan([
      { what: 'delay', takes: [5, 5] },
      { what: 'lose answer' },
      { what: 'fail' },
      { what: 'delay', takes: ['1s', '1s'] },
    ])
    expect(plan.strike(virtualRuntime(), commits, settle)).toMatchObject({ delay: 1_005, what: 'lose answer' })
  })

  it('lets a fault last, and ends it', async () => {
    const runtime = virtualRuntime()
    const plan = new FaultPlan([{ what: 'fail', times: 1, lasts: '2s' }])
    const struck = (): boolean => plan.strike(runtime, commits, publish).what === 'fail'
    expect([struck(), struck()]).toEqual([true, true])
    await runtime.advance(1_999)
    expect(struck()).toBe(true)
    await runtime.advance(1)
    expect(struck()).toBe(false)
  })

  it('repeats its chances for a seed', () => {
    const run = (seed: number): string => {
      const runtime = virtualRuntime({ seed })
      const plan = new FaultPlan([{ what: 'fail', chance: 0.3 }])
      return Array.from({ length: 100 }, () =>
        plan.strike(runtime, commits, publish).what === 'fail' ? 'x' : '.',
      ).join('')
    }
    expect(run(3)).toBe(run(3))
    expect(run(3)).not.toBe(run(4))
    expect(run(3).replaceAll('.', '').length).toBeGreaterThan(15)
  })

  it('names all mistakes of a rule at once', () => {
    expect(() => new FaultPlan([{ what: 'burn' as never, at: 'moon' as never, chance: 2, skip: -1 }])).toThrow(
      /`what` to be one of .*`at` to name places .*`chance` .*`skip`/,
    )
  })
})
