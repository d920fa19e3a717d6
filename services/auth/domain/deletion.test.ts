import { expect, it } from 'vitest'

import { deletionOf, missingOf, nextAsk } from './deletion.ts'

it('misses whoever has not answered, in the order in which they were named', () => {
  const deletion = deletionOf(['users', 'audit', 'shop'])
  expect(missingOf(deletion)).toEqual(['users', 'audit', 'shop'])
  expect(missingOf({ ...deletion, erased: ['audit', 'stranger'] })).toEqual(['users', 'shop'])
})

it('asks less and less often, and at least once an hour', () => {
  expect([1, 2, 3, 7, 8, 5_000].map((asked) => nextAsk(60_000, asked) / 60_000)).toEqual([1, 2, 4, 60, 60, 60])
  expect(nextAsk(7_200_000, 3)).toBe(7_200_000)
})
