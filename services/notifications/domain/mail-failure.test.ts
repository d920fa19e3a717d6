import { expect, it } from 'vitest'

import { mailFailure } from './mail-failure.ts'

it.each([
  [{ code: 'ECONNREFUSED' }, 'unavailable'],
  [{ code: 'ESOCKET' }, 'unavailable'],
  [{ code: 'ETIMEDOUT' }, 'unavailable'],
  [{ code: 'EAUTH', responseCode: 535 }, 'unavailable'],
  [{ code: 'EPROTOCOL', responseCode: 421 }, 'unavailable'],
  [{ code: 'EENVELOPE', responseCode: 550 }, 'never'],
  [{ code: 'EMESSAGE', responseCode: 552 }, 'never'],
  [{ code: 'EENVELOPE', responseCode: 450 }, 'later'],
  [{ code: 'EENVELOPE' }, 'never'],
  [{}, 'later'],
] as const)('reads %j before the connection stands as %s', (error, expected) => {
  expect(mailFailure({ ...error, stood: false })).toBe(expected)
})

it.each([
  [{ code: 'ETIMEDOUT' }, 'later'],
  [{ code: 'ECONNECTION' }, 'later'],
  [{ code: 'ESOCKET' }, 'later'],
  [{ code: 'ECONNECTION', responseCode: 421 }, 'unavailable'],
  [{ code: 'EENVELOPE', responseCode: 530 }, 'unavailable'],
  [{ code: 'EMESSAGE', responseCode: 554 }, 'never'],
] as const)('reads %j once it has stood as %s', (error, expected) => {
  expect(mailFailure({ ...error, stood: true })).toBe(expected)
})
