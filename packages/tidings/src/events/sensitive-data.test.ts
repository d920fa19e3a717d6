import fc from 'fast-check'
import { expect, test } from 'vitest'

import { detectSensitive, maskSensitive } from './sensitive-data.ts'
import { sensitiveKind } from './sensitive-kind.ts'

const kinds = (data: unknown) => Object.fromEntries(detectSensitive(data).map(({ path, kind }) => [path, kind]))

test.each([
  ['password', 'secret'],
  ['newPassword', 'secret'],
  ['user_password', 'secret'],
  ['accessToken', 'secret'],
  ['access-token', 'secret'],
  ['API_KEY', 'secret'],
  ['clientSecret', 'secret'],
  ['Authorization', 'secret'],
  ['accountPIN', 'secret'],
  ['recoveryCredentials', 'secret'],
  ['email', 'email'],
  ['workEmails', 'email'],
  ['emailAddress', 'email'],
  ['phoneNumber', 'phone'],
  ['mobile', 'phone'],
  ['IBAN', 'iban'],
  ['cardNumber', 'card'],
  ['firstName', 'name'],
  ['lastname', 'name'],
  ['dateOfBirth', 'birthdate'],
  ['taxId', 'identity'],
  ['passportId', 'identity'],
  ['shippingAddress', 'address'],
  ['postal_code', 'address'],
  ['ipAddress', 'network'],
  ['clientIp', 'network'],
])('the name %s says %s', (name, kind) => {
  expect(sensitiveKind(name, 'whatever')).toBe(kind)
})

test.each([
  'shipping',
  'spinner',
  'tokenCount',
  'passwordChangedAt',
  'emailVerified',
  'opinion',
  'tickets',
  'orderId',
  'total',
  'name',
  'productName',
  'keyboard',
  'constructor',
  '__proto__',
  'toString',
  'zipper',
  '',
])('the name %s says nothing', (name) => {
  expect(sensitiveKind(name, 'whatever')).toBeUndefined()
})

test.each([
  ['ann@example.org', 'email'],
  ['please write to ann.o+b@mail.example.co.uk soon', 'email'],
  ['4111 1111 1111 1111', 'card'],
  ['paid with 5500-0000-0000-0004 today', 'card'],
  ['378282246310005', 'card'],
  ['DE89 3704 0044 0532 0130 00', 'iban'],
  ['to GB29NWBK60161331926819', 'iban'],
  ['+49 (0)30 901820', 'phone'],
  ['+14155552671', 'phone'],
  ['Bearer abcdefghijklmnopqrst', 'secret'],
  ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x', 'secret'],
  ['-----BEGIN RSA PRIVATE KEY-----', 'secret'],
])('the value %s is of kind %s', (value, kind) => {
  expect(sensitiveKind('note', value)).toBe(kind)
  expect(sensitiveKind(undefined, value)).toBe(kind)
})

test.each([
  '4111 1111 1111 1112',
  '1767225600123',
  '0000000000000000',
  'DE89 3704 0044 0532 0130 01',
  '01912f6e-7c1a-7000-8000-0242ac120002',
  '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  '2026-01-01T00:00:00.123Z',
  '/orders/o-1',
  'order.placed',
  'a@b',
  '+1',
  '99.90',
])('the value %s is nothing of the kind', (value) => {
  expect(sensitiveKind('note', value)).toBeUndefined()
})

test('card numbers are found as numbers too, times and totals are not', () => {
  expect(kinds({ a: 4_111_111_111_111_111, b: 1_767_225_600_123, c: 99.9 })).toEqual({ a: 'card' })
})

test('paths name where it is, at any depth and in lists', () => {
  expect(
    kinds({
      customer: { name: 'Ann', emails: [{ value: 'x' }], contacts: ['a', 'ann@example.org'] },
      login: { password: 'p', passwordLength: 8 },
      empty: { email: '', phone: null },
    }),
  ).toEqual({ 'customer.emails': 'email', 'customer.contacts[1]': 'email', 'login.password': 'secret' })
  expect(kinds('ann@example.org')).toEqual({ '': 'email' })
})

test('masking leaves what is harmless and nothing of the rest', () => {
  const data = {
    orderId: 'o-1',
    total: 99.9,
    paid: true,
    note: null,
    customer: { email: 'ann@example.org', address: { street: 'Main', city: 'X' } },
    items: [{ sku: 'a' }, 'call +49 30 901820 or 4111111111111111'],
  }
  const copy = structuredClone(data)
  expect(maskSensitive(data)).toEqual({
    orderId: 'o-1',
    total: 99.9,
    paid: true,
    note: null,
    customer: { email: '[email]', address: '[address]' },
    items: [{ sku: 'a' }, '[card]'],
  })
  expect(data).toEqual(copy)
})

test('masking agrees with detection, and what is masked detects as nothing by value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (data) => {
      const masked = maskSensitive(data)
      for (const { path, kind } of detectSensitive(data)) expect(JSON.stringify(masked), path).toContain(`[${kind}]`)
      if (detectSensitive(data).length === 0 && !JSON.stringify(data).includes('__proto__'))
        expect(JSON.stringify(masked)).toBe(JSON.stringify(data))
    }),
  )
})

test('anything can be masked: cycles, depth, bytes, dates and prototypes', () => {
  const cycle: Record<string, unknown> = { a: 1 }
  cycle.self = cycle
  expect(() => maskSensitive(cycle)).not.toThrow()
  let deep: unknown = 'ann@example.org'
  for (let at = 0; at < 100_000; at++) deep = [deep]
  expect(JSON.stringify(maskSensitive(deep))).not.toContain('ann')
  expect(() => detectSensitive(deep)).not.toThrow()
  expect(
    maskSensitive({ at: new Date(0), never: new Date(Number.NaN), bytes: new Uint8Array(3), big: 10n, run: () => 1 }),
  ).toEqual({
    at: '1970-01-01T00:00:00.000Z',
    never: null,
    bytes: '[3 bytes]',
    big: '10',
    run: undefined,
  })
  const polluted = maskSensitive(JSON.parse('{"__proto__":{"admin":true},"a":1}')) as { admin?: boolean }
  expect(polluted.admin).toBeUndefined()
})

test('what is too much to look at is left out', () => {
  const text = `${'x'.repeat(5_000)} ann@example.org`
  expect(maskSensitive({ text })).toEqual({ text: `${'x'.repeat(4_000)}…` })
  const many = Array.from({ length: 50_000 }, () => 'ann@example.org')
  const masked = JSON.stringify(maskSensitive(many))
  expect(masked).not.toContain('ann')
  expect(masked.length).toBeLessThan(120_000)
  expect(detectSensitive(many).length).toBeLessThanOrEqual(10_000)
})

// A busy machine may spoil a comparison of two short runs; what is quadratic is so each time.
test('hostile text costs in proportion to its length', { retry: 5, timeout: 60_000 }, () => {
  const pieces = [
    'a',
    '@',
    'a@',
    'a.',
    '1',
    '1 ',
    '4-',
    'A',
    'DE89',
    'eyJ',
    'eyJaaaaaaaa-',
    'Bearer ',
    '+1',
    '-',
    '-----BEGIN ',
    'gh',
    'a@a.',
    '%',
    ' ',
  ]
  for (const piece of pieces) {
    const cost = (length: number): number => {
      const text = piece.repeat(Math.ceil(length / piece.length))
      return best(() => {
        for (let at = 0; at < 20; at++) sensitiveKind(undefined, text)
      })
    }
    // Four times the text: 4 where linear, 16 where quadratic.
    expect(cost(4_000), JSON.stringify(piece)).toBeLessThan(8 * cost(1_000) + 2)
  }
})

/** Best time of several runs, in milliseconds: noise only ever adds. */
function best(run: () => void): number {
  let least = Number.POSITIVE_INFINITY
  for (let at = 0; at < 7; at++) {
    const started = performance.now()
    run()
    least = Math.min(least, performance.now() - started)
  }
  return least
}
