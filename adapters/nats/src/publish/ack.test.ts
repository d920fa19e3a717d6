import { expect, it } from 'vitest'

import { outcomeOf } from './ack.ts'

const of = (text: string): unknown => outcomeOf(Buffer.from(text))

it('an event is stored where the stream says its number, also when it was known', () => {
  expect(of('{"stream":"shop","seq":1}')).toEqual({ status: 'stored' })
  expect(of('{"stream":"shop","seq":1,"duplicate":true}')).toEqual({ status: 'stored' })
})

it('is refused where it is too large for the stream, and repeating is pointless', () => {
  for (const code of [10_054, 10_097])
    expect(of(`{"error":{"code":400,"err_code":${code},"description":"x"}}`)).toMatchObject({
      status: 'refused',
      error: { code: 'TIDINGS_TOO_LARGE' },
    })
})

it.for([
  '{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"}}',
  '{"error":{}}',
  '{"stream":"shop"}',
  'null',
  '7',
  '{',
  '',
])('is unknown otherwise: %s', (text) => {
  expect(of(text)).toMatchObject({ status: 'unknown', error: { code: 'TIDINGS_BROKER_UNAVAILABLE' } })
})
