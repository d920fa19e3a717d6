import fc from 'fast-check'
import { expect, test } from 'vitest'

import { typePattern } from './type-pattern.ts'

test.each([
  ['order.placed', ['order.placed'], ['order', 'order.placed.twice', 'order.paid', 'Order.placed', 'xorder.placed']],
  ['order.*', ['order.placed', 'order.x'], ['order', 'order.', 'order.item.added', 'orders.placed', 'order..x']],
  ['*.placed', ['order.placed'], ['placed', '.placed', 'a.b.placed', 'order.placed.x']],
  ['order.*.added', ['order.item.added'], ['order.added', 'order.a.b.added', 'order..added']],
  ['order.**', ['order.placed', 'order.item.added'], ['order', 'order.', 'orders.x']],
  ['*.item.**', ['order.item.added', 'a.item.b.c'], ['order.item', 'order.item.', 'item.added', 'a.b.item.c']],
  ['*', ['order'], ['', 'order.placed']],
  ['**', ['order', 'order.placed', 'a.b.c.d', 'tidings', 'tidingsx.y'], ['tidings.saga.x.due']],
  ['*.saga.**', ['my.saga.begun'], ['tidings.saga.x.due']],
  ['tidings.**', ['tidings.saga.x.due'], ['tidings']],
])('%s', (pattern, taken, left) => {
  const test = typePattern(pattern)
  for (const type of taken) expect(test(type), type).toBe(true)
  for (const type of left) expect(test(type), type).toBe(false)
})

test.each([
  '',
  'order.',
  '.order',
  'a..b',
  'order*',
  'or*er.x',
  '**.placed',
  'a.**.b',
  '***',
  'a b',
  'a.b!',
  '?',
  'x'.repeat(201),
])('%j is no pattern', (pattern) => {
  expect(() => typePattern(pattern)).toThrow(expect.objectContaining({ code: 'TIDINGS_INVALID_OPTION' }))
})

test('what is no text is refused with a code', () => {
  for (const pattern of [undefined, null, 5, {}, []])
    expect(() => typePattern(pattern as never)).toThrow(expect.objectContaining({ code: 'TIDINGS_INVALID_OPTION' }))
})

test('it agrees with the regular expression that says the same', () => {
  const word = fc.constantFrom('a', 'b', 'ab', '*')
  const pattern = fc
    .tuple(fc.array(word, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([words, open]) => [...words, ...(open ? ['**'] : [])].join('.'))
  const type = fc
    .array(fc.constantFrom('a', 'b', 'ab', ''), { minLength: 1, maxLength: 6 })
    .map((words) => words.join('.'))
  fc.assert(
    fc.property(pattern, type, (one, name) => {
      const parts = one.split('.').map((part) => (part === '**' ? '.+' : part === '*' ? '[^.]+' : part))
      expect(typePattern(one)(name)).toBe(new RegExp(`^${parts.join('\\.')}$`).test(name))
    }),
    { numRuns: 2_000 },
  )
})

// A busy machine may spoil a comparison of two short runs; what is quadratic is so each time.
test('hostile types cost in proportion to their length', { retry: 5, timeout: 60_000 }, () => {
  const test = typePattern(`${'*.'.repeat(90)}**`)
  for (const piece of ['a.', 'a', '.', '*.']) {
    const cost = (length: number): number => {
      const type = piece.repeat(length)
      return best(() => {
        for (let at = 0; at < 200; at++) test(type)
      })
    }
    expect(cost(40_000), piece).toBeLessThan(8 * cost(10_000) + 2)
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
