import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { plain, type Weighed } from './plain.ts'

describe('plain data', () => {
  it('reads as its JSON text would read back, is frozen throughout, and leaves the original alone', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        fc.pre(!JSON.stringify(value).includes('__proto__'))
        const before = JSON.stringify(value)
        const scale: Weighed = { weight: 0 }
        const copy = plain(value, scale)
        expect(copy).toEqual(JSON.parse(before))
        expect(JSON.stringify(value)).toBe(before)
        expect(scale.weight).toBeGreaterThanOrEqual(Buffer.byteLength(before))
        expectFrozen(copy)
      }),
    )
  })

  it('turns dates into text, drops absent members, and writes absent items as null', () => {
    expect(plain({ at: new Date(0), gone: undefined, list: [1, undefined] })).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      list: [1, null],
    })
  })

  it.each([
    [{ a: { b: () => 1 } }, '`data.a.b` must be JSON data, got function'],
    [{ n: Number.NaN }, '`data.n` must be a finite number'],
    [{ list: [1, 2n] }, '`data.list[1]` must be JSON data, got bigint'],
    [{ text: '\ud800' }, '`data.text` must be well-formed Unicode'],
    [JSON.parse('{"a":{"__proto__":{"admin":true}}}'), '`data.a.__proto__` is a name that data must not carry'],
    [JSON.parse('{"a":{"__proto__":1}}'), '`data.a.__proto__` is a name that data must not carry'],
    [JSON.parse('{"__proto__":null}'), '`data.__proto__` is a name that data must not carry'],
    [{ set: new Set([1]) }, '`data.set` must be JSON data, got Set'],
  ])('refuses %o by field and rule', (value, message) => {
    expect(() => plain(value)).toThrow(message)
  })

  it('refuses cycles and endless depth without exhausting the stack', () => {
    const cycle: Record<string, unknown> = {}
    cycle.self = cycle
    expect(() => plain(cycle)).toThrow('must not nest deeper than 100 levels')
  })
})

function expectFrozen(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  expect(Object.isFrozen(value)).toBe(true)
  for (const member of Object.values(value)) expectFrozen(member)
}

it('data holds as many members as readers take, and no more', () => {
  const million = 1_000_000
  expect(plain(Array<string>(million).fill(''))).toHaveLength(million)
  for (const data of [
    Array<string>(million + 1).fill(''),
    [Array<number>(million).fill(0)],
    { at: new Date(0), all: Array<null>(million).fill(null) },
  ]) {
    expect(() => plain(data)).toThrow(
      expect.objectContaining({
        code: 'TIDINGS_INVALID_DATA',
        details: { field: 'data', rule: 'must not hold more than 1000000 members' },
      }),
    )
  }
})
