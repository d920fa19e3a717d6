import { beforeAll, describe, expect, test } from 'vitest'

describe('with a server', { skip: true, meta: { notRun: 'no server is running' } }, () => {
  test('first', () => {})
  test('second', () => {})
})

describe('one of it', () => {
  test('skips itself', (context) => context.skip('only on Sundays'))
})

describe('broken hook', () => {
  beforeAll(() => {
    throw new Error('on purpose')
  })
  test('never gets its turn', () => {})
})

test('passes', () => {})
test('passes too', () => {})
let tries = 0
test('passes the second time', { retry: 1 }, () => {
  expect(++tries).toBe(2)
})
test('fails', () => {
  expect(1).toBe(2)
})
