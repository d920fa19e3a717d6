import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { isTidingsError } from '../kernel/errors.ts'
import { createTestBus, type TestWorld } from './create-test-bus.ts'
import type { FaultRule } from './fault-plan.ts'

interface Counted {
  readonly n: number
}
const Counted = defineEvent<Counted>('count.counted')
const numbers = (world: TestWorld): number[] => world.published(Counted).map((event) => event.data.n)
const ascending = (some: readonly number[]): number[] => some.toSorted((a, b) => a - b)

async function counting(world: TestWorld): Promise<number[]> {
  const seen: number[] = []
  world.bus.subscribe('count.*', { name: 'counter' }, (event) => void seen.push((event.data as Counted).n))
  await world.bus.start()
  return seen
}

function publishTen({ bus }: TestWorld): Promise<PromiseSettledResult<unknown>[]> {
  return Promise.allSettled(Array.from({ length: 10 }, (_, n) => bus.publish(Counted, { n })))
}

describe('a faulty store', () => {
  const rules: FaultRule[] = [
    { what: 'delay', chance: 0.5, takes: [1, 300] },
    { what: 'fail', chance: 0.3 },
    { what: 'lose answer', chance: 0.3 },
    { what: 'apply late', chance: 0.3, takes: [1, 500] },
    { what: 'fail', at: 'read', times: 2, lasts: '5s' },
    { what: 'fail', at: 'find', chance: 0.2 },
    { what: 'lose', at: 'wake' },
    { what: 'repeat', at: 'wake' },
  ]

  for (const rule of rules) {
    it(`tells no lie and costs no event: ${rule.what} ${String(rule.at ?? 'anywhere')}`, async () => {
      for (let seed = 1; seed <= 5; seed++) {
        await using world = await createTestBus({ seed })
        const seen = await counting(world)
        world.faults.add(rule)
        const publishing = publishTen(world)
        await world.clock.advance('1m')
        world.faults.heal()
        await world.clock.advance('10s')
        await world.bus.settled()
        const stored = numbers(world)
        expect(ascending(seen), `seed ${seed}`).toEqual(ascending(stored))
        for (const [n, outcome] of (await publishing).entries()) {
          if (outcome.status === 'fulfilled') expect(stored, `seed ${seed}`).toContain(n)
          else if (!isTidingsError(outcome.reason, 'TIDINGS_COMMIT_UNKNOWN'))
            expect(stored, `seed ${seed}, ${String(outcome.reason)}`).not.toContain(n)
        }
        expect(world.faults.struck.get(rule.what)).toBeGreaterThan(0)
      }
    })
  }

  for (const [what, applied] of [
    ['crash before', 0],
    ['crash after', 10],
  ] as const) {
    it(`ends the process at a commit, and another one takes over: ${what}`, async () => {
      await using first = await createTestBus()
      await counting(first)
      first.faults.add({ what, at: 'publish' })
      let answers = 0
      void publishTen(first).then(() => answers++)
      await first.clock.advance('1s')
      expect({ state: first.process.state, answers, stored: numbers(first).length }).toEqual({
        state: 'dead',
        answers: 0,
        stored: applied,
      })
      await using second = await createTestBus({ beside: first })
      const seen = await counting(second)
      expect((await second.bus.settled()).waiting).toContainEqual({ subscription: 'counter', what: 'partitions' })
      await second.clock.advance('20s')
      await second.bus.settled()
      expect(seen).toHaveLength(applied)
    })
  }

  it('keeps answers from a process that is stopped until it goes on', async () => {
    await using world = await createTestBus()
    await world.bus.start()
    world.process.stop()
    let answered = false
    void world.bus.publish(Counted, { n: 1 }).then(() => (answered = true))
    await world.clock.advance('1m')
    expect({ answered, stored: numbers(world) }).toEqual({ answered: false, stored: [1] })
    world.process.resume()
    await world.clock.advance(0)
    expect(answered).toBe(true)
  })
})
