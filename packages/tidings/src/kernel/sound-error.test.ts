import { expect, test } from 'vitest'

import { PermanentError, TidingsError } from './errors.ts'
import { soundError } from './sound-error.ts'

test.each([
  undefined,
  null,
  'text',
  5,
  Symbol('s'),
  { permanent: true },
  [1],
  () => {},
  new Error('fine'),
  new PermanentError('fine'),
  new TidingsError('TIDINGS_CLOSED', 'fine'),
  Object.assign(new Error('no stack'), { stack: undefined }),
])('what can be read stays what it is: %s', (thrown) => {
  expect(soundError(thrown)).toBe(thrown)
})

const broken = (): never => {
  throw new Error('no look')
}

test.each<[string, unknown, object]>([
  [
    'a proxy that lets nobody look',
    new Proxy({}, { get: broken, has: broken, getPrototypeOf: broken }),
    { message: 'The handler threw something that cannot be read' },
  ],
  [
    'a getter that throws',
    Object.defineProperty(new Error('x'), 'message', { get: broken }),
    { message: 'The handler threw something that cannot be read' },
  ],
  [
    'an object without a prototype',
    Object.create(null),
    { message: 'The handler threw something that cannot be read' },
  ],
  ['an object whose text throws', { toString: broken }, { message: 'The handler threw something that cannot be read' }],
  [
    'a message that is no text',
    Object.assign(new Error('x'), { message: { a: 1 }, code: 'E_X', permanent: true }),
    { message: 'The handler threw an error whose message is no text', code: 'E_X', permanent: true },
  ],
  ['a name that is no text', Object.assign(new Error('said'), { name: 5 }), { message: 'said' }],
  ['a stack that is no text', Object.assign(new Error('said'), { stack: [] }), { message: 'said' }],
])('an error stands for %s', (_, thrown, expected) => {
  const sound = soundError(thrown)
  expect(sound).toBeInstanceOf(Error)
  expect(sound).toMatchObject(expected)
})
