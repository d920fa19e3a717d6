import { expect, it } from 'vitest'

import { nameTexts } from './name-texts.ts'

const [a, b, c] = ['insert into a', ' update b', '-- x\ndelete from c'] as const

/** Each text's name, in brackets where it is parsed. */
function named(...texts: readonly string[]): string {
  return nameTexts(texts)
    .prepared.map(({ name, parse }) => (parse ? `(${name.slice(-1)})` : name.slice(-1) || '-'))
    .join(' ')
}

it('names what comes again after another, and parses it once', () => {
  expect(named(a, b, a, b, a)).toBe('(1) (2) 1 2 1')
  expect(named(a, a, b, c, a, a)).toBe('(1) 1 () () 1 1')
  expect(nameTexts([a, b, a, b]).names).toEqual(['tidings_unit_1', 'tidings_unit_2'])
})

it('names nothing that comes once, or only after itself', () => {
  expect(named(a)).toBe('()')
  expect(named(a, a, a, b, b)).toBe('() - - () -')
  expect(nameTexts([a, a, b]).names).toEqual([])
})

it.each([
  'alter table a',
  'select f()',
  'do $$ $$',
  'with x as (select 1) insert into a',
  'call p()',
  'create table a',
  '',
])('parses anew after %j, which may have changed a table', (other) => {
  expect(named(a, b, a, other, a, b, a)).toBe('(1) (2) 1 () (3) (4) 3')
  expect(named(a, other, other, a, a)).toBe('(1) () - (2) 2')
})

it('names no more than a connection should hold', () => {
  const texts = Array.from({ length: 80 }, (_, at) => `insert into t${at}`)
  const { names, prepared } = nameTexts([...texts, ...texts])
  expect(names).toHaveLength(50)
  expect(prepared.filter(({ parse }) => parse)).toHaveLength(80 + 30)
  expect(new Set(prepared.slice(80).map(({ name }) => name)).size).toBe(51)
})
