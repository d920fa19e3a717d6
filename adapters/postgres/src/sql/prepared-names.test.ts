import { expect, test } from 'vitest'

import { PreparedNames } from './prepared-names.ts'

test('a change that comes again has a name from then on, always the same', () => {
  const names = new PreparedNames()
  const [one, other] = ['insert into a values ($1)', ' update a set b = $1']
  expect(names.of(one)).toBeUndefined()
  expect(names.of(other)).toBeUndefined()
  const name = names.of(one)
  expect(name).toBeDefined()
  expect(names.of(one)).toBe(name)
  expect(names.of(other)).not.toBe(name)
})

test('what answers with columns has none: they may change with the table', () => {
  const names = new PreparedNames()
  for (const text of [
    'select * from a',
    'insert into a values ($1) returning *',
    'with b as (select 1) select * from b',
  ])
    for (let run = 0; run < 3; run++) expect(names.of(text)).toBeUndefined()
})

test('what is forgotten has another name the next time', () => {
  const names = new PreparedNames()
  const text = 'insert into a values ($1)'
  names.of(text)
  const before = names.of(text)
  expect(names.forget(text)).toBe(true)
  expect(names.forget(text)).toBe(false)
  expect(names.of(text)).toBeUndefined()
  expect(names.of(text)).not.toBe(before)
})

test('there are never more than a connection should hold', () => {
  const names = new PreparedNames()
  const text = (at: number): string => `insert into a${at} values ($1)`
  for (let at = 0; at < 500; at++) for (let run = 0; run < 2; run++) names.of(text(at))
  const named = Array.from({ length: 500 }, (_, at) => names.of(text(at))).filter((name) => name !== undefined)
  expect(new Set(named).size).toBe(200)
  // The first ones keep theirs.
  expect(names.of(text(0))).toBeDefined()
})
