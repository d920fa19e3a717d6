import { expect, it } from 'vitest'

import { mailFailure } from './mail-failure.ts'

it.each([
  [{ code: 'ECONNREFUSED' }, 'unavailable'],
  [{ code: 'ESOCKET' }, 'unavailable'],
  [{ code: 'EAUTH', responseCode: 535 }, 'unavailable'],
  [{ code: 'EPROTOCOL', responseCode: 421 }, 'unavailable'],
  [{ code: 'EENVELOPE', responseCode: 550 }, 'never'],
  [{ code: 'EMESSAGE', responseCode: 552 }, 'never'],
  [{ code: 'EENVELOPE', responseCode: 450 }, 'later'],
  [{ code: 'EENVELOPE' }, 'never'],
  [{}, 'later'],
] as const)('reads %j as %s', (error, expected) => {
  expect(mailFailure(error)).toBe(expected)
})
