import { expect, test } from 'vitest'

import { RecentIds } from './recent-ids.ts'

test('remembers at least half of what it may, and forgets the oldest', () => {
  const ids = new RecentIds(100)
  for (let n = 0; n < 1_000; n++) {
    ids.add(`id-${n}`)
    for (let back = 0; back < 50 && back <= n; back++) expect(ids.has(`id-${n - back}`)).toBe(true)
    if (n >= 100) expect(ids.has(`id-${n - 100}`)).toBe(false)
  }
  expect(ids.has('another')).toBe(false)
})
