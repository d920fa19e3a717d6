import fc from 'fast-check'
import { expect, test } from 'vitest'

import { WeightedQueue, WeightedTurns } from './weighted-scheduler.ts'

test('while all have work, fifteen turns fall 8, 4, 2 and 1, interleaved', () => {
  const turns = new WeightedTurns()
  const order = Array.from({ length: 15 }, () => turns.next(true, true, true, true))
  expect([0, 1, 2, 3].map((level) => order.filter((one) => one === level).length)).toEqual([8, 4, 2, 1])
  expect(order.slice(0, 4)).toEqual([0, 1, 0, 2])
  expect(Array.from({ length: 15 }, () => turns.next(true, true, true, true))).toEqual(order)
})

test('nothing waits while something could go: a lone level gets every turn', () => {
  const turns = new WeightedTurns()
  for (let at = 0; at < 10; at++) expect(turns.next(false, false, false, true)).toBe(3)
  expect(turns.next(false, false, false, false)).toBe(-1)
  expect(turns.next(true, false, false, true)).toBe(0)
})

test('whatever others do, a level with work waits at most 30 turns', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean()), { maxLength: 400 }),
      fc.nat(3),
      (pattern, level) => {
        const turns = new WeightedTurns()
        let waited = 0
        for (const present of pattern) {
          present[level] = true
          waited = turns.next(...present) === level ? 0 : waited + 1
          expect(waited).toBeLessThanOrEqual(30)
        }
      },
    ),
    { numRuns: 500 },
  )
})

test('a level that comes and goes saves nothing up', () => {
  const turns = new WeightedTurns()
  for (let at = 0; at < 1_000; at++) turns.next(true, false, false, false)
  const order = Array.from({ length: 9 }, () => turns.next(true, false, false, true))
  expect(order.filter((level) => level === 3)).toHaveLength(1)
})

test('everything pushed comes out once, in order inside its level, whatever the interleaving', () => {
  const act = fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 3 }) },
    { weight: 2, arbitrary: fc.constant('shift' as const) },
  )
  fc.assert(
    fc.property(fc.array(act, { maxLength: 300 }), (acts) => {
      const queue = new WeightedQueue<{ level: number; number: number }>()
      const out: { level: number; number: number }[] = []
      let pushed = 0
      for (const one of acts) {
        if (one !== 'shift') queue.push({ level: one, number: pushed++ }, one)
        else {
          const had = queue.size
          const item = queue.shift()
          expect(item !== undefined).toBe(had > 0)
          if (item !== undefined) out.push(item)
        }
      }
      expect(queue.size).toBe(pushed - out.length)
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) out.push(item)
      expect(out).toHaveLength(pushed)
      expect(new Set(out.map(({ number }) => number)).size).toBe(pushed)
      for (let level = 0; level < 4; level++) {
        const numbers = out.filter((item) => item.level === level).map(({ number }) => number)
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
      }
    }),
  )
})

test('an unknown rank counts as low', () => {
  const queue = new WeightedQueue<string>()
  queue.push('odd', 99)
  expect(queue.sizeOf(3)).toBe(1)
  expect(queue.shift()).toBe('odd')
})
