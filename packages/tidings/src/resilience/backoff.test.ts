import fc from 'fast-check'
import { expect, test } from 'vitest'

import { mulberry32 } from '../kernel/virtual-runtime.ts'
import { type Backoff, backoffMistakes, delayOf } from './backoff.ts'

const middle = (): number => 0.5

test('by default waits double from one second up to five minutes', () => {
  const waits = [1, 2, 3, 4, 9, 10, 5_000].map((attempt) => delayOf(undefined, attempt, middle))
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 256_000, 300_000, 300_000])
})

test('by default a wait is spread by a fifth either way', () => {
  expect(delayOf(undefined, 1, () => 0)).toBe(800)
  expect(delayOf(undefined, 1, () => 0.999_999)).toBe(1_200)
  const random = mulberry32(7)
  expect(new Set(Array.from({ length: 50 }, () => delayOf(undefined, 1, random))).size).toBeGreaterThan(30)
})

test('a list is taken as written and its last entry repeats', () => {
  const list: Backoff = ['30s', 60_000, '120s']
  expect([1, 2, 3, 4, 99].map((attempt) => delayOf(list, attempt, () => 0))).toEqual([
    30_000, 60_000, 120_000, 120_000, 120_000,
  ])
})

test('every wait is a whole number within its bounds, and without jitter never shrinks', () => {
  const options = fc.record({
    initial: fc.integer({ min: 0, max: 10_000 }),
    factor: fc.double({ min: 1, max: 1_000, noNaN: true }),
    max: fc.integer({ min: 0, max: 10_000_000 }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  fc.assert(
    fc.property(options, fc.integer({ min: 1, max: 10_000 }), fc.integer(), (backoff, attempt, seed) => {
      const wait = delayOf(backoff, attempt, mulberry32(seed))
      expect(Number.isSafeInteger(wait)).toBe(true)
      expect(wait).toBeGreaterThanOrEqual(0)
      expect(wait).toBeLessThanOrEqual(Math.ceil(backoff.max * (1 + backoff.jitter)))
      const steady = { ...backoff, jitter: 0 }
      expect(delayOf(steady, attempt + 1, middle)).toBeGreaterThanOrEqual(delayOf(steady, attempt, middle))
    }),
  )
})

test('every mistake is told with the name of its field', () => {
  expect(backoffMistakes(undefined)).toEqual([])
  expect(backoffMistakes(['30s', 5])).toEqual([])
  expect(backoffMistakes({ initial: '1s', factor: 1, max: '1h', jitter: 0 })).toEqual([])
  expect(backoffMistakes([], 'retry.backoff')[0]).toContain('`retry.backoff`')
  expect(backoffMistakes(['30s', 'soon' as '1s'], 'retry.backoff')[0]).toContain('`retry.backoff[1]`')
  expect(backoffMistakes({ initial: -1, factor: 0.5, max: Number.NaN, jitter: 2 })).toHaveLength(4)
  expect(backoffMistakes('1s' as never)).toHaveLength(1)
  expect(backoffMistakes(null as never)).toHaveLength(1)
})
