import { expect, test } from 'vitest'

import { same } from './same.ts'

test('equal values pass, whatever their size', () => {
  same(Array.from({ length: 50_000 }, String), Array.from({ length: 50_000 }, String))
  same({ a: Uint8Array.of(1) }, { a: Uint8Array.of(1) })
})

test('equality is strict: 1 is not "1", and a missing member is not an undefined one', () => {
  expect(() => same([1], ['1'])).toThrow()
  expect(() => same({}, { a: undefined })).toThrow()
})

test('of large lists it says what is missing, what is too much and where they part, at once', () => {
  const wanted = Array.from({ length: 200_000 }, (_, at) => `event-${at}`)
  const found = wanted.with(150_000, 'stranger')
  expect(() => same(found, wanted, 'the log')).toThrow(
    /the log: expected 200000 items, got 200000; missing 'event-150000'; too much 'stranger'; they part at 150000/,
  )
})

test('other large values are shown by how they begin', () => {
  expect(() => same('a'.repeat(100_000), 'b'.repeat(100_000))).toThrow(/expected 'bbbb.*more characters, got 'aaaa/)
})
