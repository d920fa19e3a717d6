import { expect, it } from 'vitest'

import { firstProfile } from './first-profile.ts'

it.each([
  ['ada.lovelace', 'Ada Lovelace'],
  ['grace_hopper-2', 'Grace Hopper 2'],
  ['X', 'X'],
  ['a..b', 'A B'],
])('shows %s as %s', (username, displayName) => {
  expect(firstProfile({ userId: 'u-1', username })).toEqual({ userId: 'u-1', username, displayName })
})
