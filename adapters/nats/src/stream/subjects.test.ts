import { describe, expect, it } from 'vitest'

import { filtersOf, streamSubjects, subjectOf, textOf, tokenOf } from './subjects.ts'

describe('tokens of subjects', () => {
  it.for(['order', 'order-line', 'Order_2', 'a.b', 'a b', '*', '>', 'é', '😀', '=2E', '==', '%', '\r\n', '__proto__'])(
    'hold any text, and give it back: %j',
    (text) => {
      const token = tokenOf(text)
      expect(token).toMatch(/^[A-Za-z0-9_=-]+$/)
      expect(textOf(token)).toBe(text)
    },
  )

  it('are equal for equal texts and no others', () => {
    const texts = [
      'a.b',
      'a=2Eb',
      'a=2eb',
      'a==2Eb',
      '',
      '=',
      'x'.repeat(201),
      'x'.repeat(202),
      `${'x'.repeat(100)}y`,
      'é'.repeat(90),
    ]
    expect(new Set(texts.map(tokenOf)).size).toBe(texts.length)
  })

  it('are short enough for a line of the protocol', () => {
    for (const text of ['x'.repeat(1_000), '😀'.repeat(500), ' '.repeat(1_000)])
      expect(tokenOf(text).length).toBeLessThanOrEqual(200)
  })
})

describe('subjects', () => {
  it('are told by prefix, topic and partition', () => {
    expect(subjectOf('shop', 'order.line', 3)).toBe('shop.order=2Eline.3')
    expect(streamSubjects('shop', 2)).toEqual(['shop.*.0', 'shop.*.1'])
    expect(filtersOf('shop', undefined, 1)).toEqual(['shop.*.1'])
    expect(filtersOf('shop', ['a', 'b', 'a'], 1)).toEqual(['shop.a.1', 'shop.b.1'])
  })
})
