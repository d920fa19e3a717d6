import fc from 'fast-check'
import { expect, test } from 'vitest'

import { TokenBucket } from './token-bucket.ts'

test('it begins full, then lets through its rate', () => {
  const bucket = new TokenBucket({ rate: 10, burst: 3 })
  expect([0, 0, 0, 0].map((now) => bucket.take(now))).toEqual([0, 0, 0, 100])
  expect(bucket.take(99)).toBe(1)
  expect(bucket.take(100)).toBe(0)
  expect(bucket.take(100)).toBe(100)
})

test('the burst is one second by default', () => {
  const bucket = new TokenBucket({ rate: 1_000 })
  let taken = 0
  while (bucket.take(5_000) === 0) taken++
  expect(taken).toBe(1_000)
  expect(new TokenBucket({ rate: 0.5 }).burst).toBe(1)
})

test('a year of idleness fills it no further than its burst', () => {
  const bucket = new TokenBucket({ rate: 100, burst: 5 })
  for (let at = 0; at < 5; at++) bucket.take(0)
  const later = 365 * 86_400_000
  let taken = 0
  while (bucket.take(later) === 0) taken++
  expect(taken).toBe(5)
})

test('time that goes backwards gives nothing away and takes nothing', () => {
  const bucket = new TokenBucket({ rate: 1, burst: 1 })
  expect(bucket.take(10_000)).toBe(0)
  expect(bucket.take(0)).toBe(1_000)
  expect(bucket.take(11_000)).toBe(0)
})

test('several are taken all or none', () => {
  const bucket = new TokenBucket({ rate: 10, burst: 10 })
  expect(bucket.take(0, 8)).toBe(0)
  expect(bucket.take(0, 3)).toBe(100)
  expect(bucket.take(0, 2)).toBe(0)
  expect(() => bucket.take(0, 11)).toThrow(expect.objectContaining({ code: 'TIDINGS_RATE_LIMITED' }))
})

test('rates and bursts that make no sense are refused by name', () => {
  for (const rate of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
    expect(() => new TokenBucket({ rate })).toThrow('`rate`')
  for (const burst of [0, 1.5, -2]) expect(() => new TokenBucket({ rate: 1, burst })).toThrow('`burst`')
})

test('over no window does more pass than the burst and what flowed in meanwhile', () => {
  const rates = fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.double({ min: 0.01, max: 5_000, noNaN: true }))
  const steps = fc.array(fc.tuple(fc.double({ min: 0, max: 5_000, noNaN: true }), fc.integer({ min: 1, max: 4 })), {
    maxLength: 120,
  })
  fc.assert(
    fc.property(rates, fc.integer({ min: 4, max: 50 }), steps, (rate, burst, asked) => {
      const bucket = new TokenBucket({ rate, burst })
      const taken: { at: number; count: number }[] = []
      let now = 0
      for (const [step, count] of asked) {
        now += step
        if (bucket.take(now, count) === 0) taken.push({ at: now, count })
      }
      for (let from = 0; from < taken.length; from++) {
        let sum = 0
        for (let to = from; to < taken.length; to++) {
          sum += (taken[to] as { count: number }).count
          const seconds = ((taken[to] as { at: number }).at - (taken[from] as { at: number }).at) / 1_000
          expect(sum).toBeLessThanOrEqual(burst + rate * seconds + 1e-6)
        }
      }
    }),
  )
})

test('whoever waits as long as it says is let through', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.01, max: 5_000, noNaN: true }),
      fc.integer({ min: 1, max: 20 }),
      fc.double({ min: 0, max: 1e9, noNaN: true }),
      (rate, burst, start) => {
        const bucket = new TokenBucket({ rate, burst })
        let now = start
        for (let at = 0; at < 60; at++) {
          const wait = bucket.take(now)
          if (wait === 0) continue
          expect(Number.isSafeInteger(wait)).toBe(true)
          now += wait
          expect(bucket.take(now)).toBe(0)
        }
      },
    ),
  )
})
