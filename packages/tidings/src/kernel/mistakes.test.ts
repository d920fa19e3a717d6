import { expect, test } from 'vitest'

import { milliseconds } from './duration.ts'
import { Mistakes } from './mistakes.ts'

test('all mistakes are told in one error, and none where there are none', () => {
  const mistakes = new Mistakes()
  mistakes.throwAny('Cannot')
  mistakes.expect(true, '`a` to be fine', 1)
  expect(mistakes.read(() => milliseconds('1s', 'b'), 0)).toBe(1_000)
  mistakes.throwAny('Cannot')
  mistakes.expect(false, '`a` to be a number', 'x'.repeat(200))
  mistakes.expect(false, '`c` to be text', Object.create(null))
  mistakes.expect(false, '`d` to be given')
  expect(mistakes.read(() => milliseconds('soon' as never, 'b'), 7)).toBe(7)
  const error = {
    code: 'TIDINGS_INVALID_OPTION',
    details: { name: 'n', mistakes: expect.arrayContaining(['Expected `d` to be given.']) },
  }
  expect(() => mistakes.throwAny('Cannot do it', { name: 'n' })).toThrow(expect.objectContaining(error))
  expect(() => mistakes.throwAny('Cannot do it')).toThrow(/^Cannot do it: .*`a`.{1,140}`c`.*an object.*`d`.*`b`/)
})

test('what is no coded error is no mistake of the options', () => {
  const bug = new TypeError('x is not a function')
  expect(() =>
    new Mistakes().read(() => {
      throw bug
    }, 1),
  ).toThrow(bug)
})
