import fc from 'fast-check'
import { defineEvent } from 'tidings'
import { expect, it } from 'vitest'

import { masking } from './masking.ts'

const UserRegistered = defineEvent('user.registered', {
  sensitive: { subject: () => 'u', fields: { username: 'gone', 'home.street': 'gone' } },
})
const text = masking([UserRegistered])

it('masks what a definition calls sensitive, in that type alone', () => {
  const data = { userId: 'u-1', username: 'ada', home: { street: 'Elm', town: 'York' } }
  expect(text('user.registered', data)).toBe('{"userId":"u-1","username":"•••","home":{"street":"•••","town":"York"}}')
  expect(text('user.seen', data)).toContain('"username":"ada"')
})

it('masks secrets and addresses whoever defined them, also inside lists', () => {
  const data = {
    email: 'a@b.c',
    list: [{ password: 'x', apiKey: 'y', ok: 1 }],
    token: { value: 'z' },
    emailCount: 2,
    ipAddress: null,
  }
  expect(text('any', data)).toBe(
    '{"email":"•••","list":[{"password":"•••","apiKey":"•••","ok":1}],"token":"•••","emailCount":2,"ipAddress":null}',
  )
})

it('takes __proto__ for a field like any other', () => {
  expect(text('any', JSON.parse('{"__proto__":{"password":"x"}}'))).toBe('{"__proto__":{"password":"•••"}}')
})

it('is short, well-formed, and never tells a password, whatever the data', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ minLength: 1 }), (value, secret) => {
      const shown = text('any', { value, password: `never-told ${secret}` })
      expect(shown.length).toBeLessThanOrEqual(401)
      expect(shown.isWellFormed()).toBe(true)
      expect(shown).not.toContain('never-told')
    }),
  )
})
