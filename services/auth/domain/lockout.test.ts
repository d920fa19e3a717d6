import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { lockedUntil, lockoutRule } from './lockout.ts'

const minute = 60_000
const now = 1_000 * minute

describe('an account', () => {
  it('is open after four failures, locked after the fifth, for fifteen minutes after the last', () => {
    const four = [0, 1, 2, 3].map((at) => now - at * minute)
    expect(lockedUntil(four, now)).toBeUndefined()
    expect(lockedUntil([...four, now - 4 * minute], now)).toBe(now + 15 * minute)
    expect(lockedUntil([...four, now - 4 * minute], now + 15 * minute - 1)).toBe(now + 15 * minute)
    expect(lockedUntil([...four, now - 4 * minute], now + 15 * minute)).toBeUndefined()
  })

  it('counts only failures within fifteen minutes of each other', () => {
    expect(
      lockedUntil(
        [0, 3, 6, 9, 15].map((at) => now - at * minute),
        now,
      ),
    ).toBeDefined()
    expect(
      lockedUntil(
        [0, 3, 6, 9, 15.01].map((at) => now - at * minute),
        now,
      ),
    ).toBeUndefined()
  })

  it('is judged alike whatever the order of failures, and never for longer than the rule says', () => {
    const times = fc.array(fc.integer({ min: now - 60 * minute, max: now }), { maxLength: 12 })
    fc.assert(
      fc.property(times, (failedAt) => {
        const until = lockedUntil(failedAt, now)
        expect(lockedUntil(failedAt.toReversed(), now)).toBe(until)
        if (until !== undefined) expect(until).toBeLessThanOrEqual(now + lockoutRule.lasts)
        if (failedAt.length < lockoutRule.failures) expect(until).toBeUndefined()
      }),
    )
  })
})
