import { expect, it } from 'vitest'

import { exportOf, missingParts, withPart } from './export.ts'

it('misses a service until all of its parts have come, in whatever order', () => {
  let state = exportOf(['users', 'audit'])
  expect(missingParts(state)).toEqual(['users', 'audit'])
  state = withPart(state, { service: 'audit', part: 1, parts: 2 })
  state = withPart(state, { service: 'users', part: 0, parts: 1 })
  expect(missingParts(state)).toEqual(['audit'])
  expect(missingParts(withPart(state, { service: 'audit', part: 0, parts: 2 }))).toEqual([])
})

it.each([
  ['that was there already', { service: 'audit', part: 0, parts: 2 }],
  ['of a service that was not asked', { service: 'stranger', part: 0, parts: 1 }],
  ['of a name that every object has', { service: '__proto__', part: 0, parts: 1 }],
  ['of another number of parts', { service: 'audit', part: 1, parts: 3 }],
  ['beyond the last', { service: 'audit', part: 2, parts: 2 }],
  ['of too many', { service: 'users', part: 0, parts: 1_001 }],
])('passes over a part %s', (_, part) => {
  const state = withPart(exportOf(['users', 'audit']), { service: 'audit', part: 0, parts: 2 })
  expect(withPart(state, part)).toBe(state)
})
