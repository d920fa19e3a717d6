import { expect, test } from 'vitest'

import { attribute, optionalAttribute } from './attributes.ts'

test.each(['o-1', 'ä', '😀', ' ', '%', '"', '\u00a0', 'x'.repeat(1_000)])('%j is an attribute', (value) => {
  expect(attribute('key', value)).toBe(value)
})

test.each([
  undefined,
  null,
  5,
  {},
  '',
  'x'.repeat(1_001),
  'a\nb',
  '\u0000',
  '\u007f',
  '\u0085',
  '\ud800',
  '\uffff',
  '\ufdd0',
  '\u{1fffe}',
])('%j is refused by name and rule', (value) => {
  expect(() => attribute('key', value)).toThrow(
    expect.objectContaining({ code: 'TIDINGS_INVALID_EVENT', details: { field: 'key', rule: expect.any(String) } }),
  )
})

test('an absent attribute may be absent', () => {
  expect(optionalAttribute('tenantId', undefined)).toBeUndefined()
  expect(() => optionalAttribute('tenantId', '')).toThrow('`tenantId`')
})
