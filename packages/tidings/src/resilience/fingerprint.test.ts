import fc from 'fast-check'
import { expect, test } from 'vitest'

import { blank, fingerprintOf } from './fingerprint.ts'

function make(message: string): Error {
  return new Error(message)
}

test('failures that differ in numbers, ids, addresses and quoted text are one kind', () => {
  const ids = [
    'Order o-1041 of "Ann" <ann@example.org> failed after 12.5 s at 10.0.0.7:5432 (01912f6e-7c1a-7000-8000-0242ac120002)',
    'Order o-77 of "Bob and Sons" <b.o+b@mail.example.com> failed after 3 s at 192.168.1.20:6543 (0198aaaa-7c1a-7000-8000-0242ac12ffff)',
  ].map((message) => fingerprintOf(make(message)).id)
  expect(ids[0]).toBe(ids[1])
  expect(ids[0]).toMatch(/^[0-9a-f]{12}$/)
})

test('other words, another name, another code or another place are another kind', () => {
  const elsewhere = (): Error => new Error('timeout')
  const base = make('timeout')
  const others = [
    make('refused'),
    new TypeError('timeout'),
    Object.assign(make('timeout'), { code: 'ETIMEDOUT' }),
    elsewhere(),
  ]
  const ids = [base, ...others].map((error) => fingerprintOf(error).id)
  expect(new Set(ids).size).toBe(5)
})

test('the message shown holds nothing of the payload', () => {
  expect(blank('duplicate key "ann@example.org" in table users')).toBe('duplicate key # in table users')
  expect(blank("can't read 'secret' of user 42")).toBe("can't read # of user #")
  expect(blank('card 4111 1111 1111 1111 declined for ann@example.org')).toBe('card # # # # declined for #')
})

test('the frame is the first of our own, without machine, line or column', () => {
  const error = make('x')
  error.stack = [
    'Error: x',
    '    at parse (node:internal/url:12:3)',
    '    at Pool.query (/srv/app/node_modules/pg/lib/pool.js:10:5)',
    '    at async reserve (file:///srv/app/src/stock/reserve.ts:41:7)',
    '    at run (file:///srv/app/src/main.ts:1:1)',
  ].join('\n')
  expect(fingerprintOf(error).frame).toBe('reserve stock/reserve.ts')
  const moved = make('x')
  moved.stack = error.stack
    .replace('/srv/app', '/opt/other')
    .replace(':41:7', ':97:1')
    .replace('/srv/app', '/opt/other')
  expect(fingerprintOf(moved).id).toBe(fingerprintOf(error).id)
  error.stack = 'Error: x\n    at C:\\app\\src\\stock\\reserve.js:41:7'
  expect(fingerprintOf(error).frame).toBe('stock/reserve.js')
})

test('anything that can be thrown has a fingerprint', () => {
  const hostile = {
    get message(): never {
      throw new Error('no')
    },
  }
  for (const thrown of [undefined, null, 'text', 7, Symbol('s'), {}, hostile, { name: 5, message: [], stack: {} }]) {
    expect(fingerprintOf(thrown).id).toMatch(/^[0-9a-f]{12}$/)
  }
  fc.assert(fc.property(fc.anything(), (thrown) => fingerprintOf(thrown).id.length === 12))
})

// A busy machine may spoil a comparison of two short runs; what is quadratic is so each time.
test('a long hostile message costs what a thousand characters cost', { retry: 5, timeout: 60_000 }, () => {
  for (const piece of ['"', "'", '`', '@', 'a', '1', '#', 'a@', '- ', '\t']) {
    const cost = (length: number): number => {
      const thrown = { name: 'E', message: piece.repeat(length), stack: `at ${piece.repeat(length)}` }
      return best(() => {
        for (let at = 0; at < 20; at++) fingerprintOf(thrown)
      })
    }
    // The stack is looked at eight times as far as the message.
    expect(cost(1_000_000), piece).toBeLessThan(4 * cost(8_000) + 2)
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
