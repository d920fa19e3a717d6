import { expect, it } from 'vitest'

import { normalEmail, passwordProblem, registration } from './registration.ts'

const good = { email: 'Ada@Example.com', username: 'ada.l', password: 'analytical engine' }

it('takes what is right as it is', () => {
  expect(registration.parse(good)).toEqual(good)
  expect(passwordProblem(good)).toBeUndefined()
})

it.each([
  [{ email: 'ada' }, 'email', 'must be an e-mail address'],
  [{ email: `${'a'.repeat(250)}@example.com` }, 'email', 'must have at most 254 characters'],
  [{ email: undefined }, 'email', 'must be an e-mail address'],
  [{ username: 'ab' }, 'username', 'must have at least 3 characters'],
  [
    { username: '<b>ada</b>' },
    'username',
    'must be letters, digits, dots, dashes and underscores, a letter or digit first',
  ],
  [{ password: 'short' }, 'password', 'must have at least 10 characters'],
  [{ password: 12 }, 'password', 'must be text'],
])('names the field and the rule for %j', (change, field, rule) => {
  const read = registration.safeParse({ ...good, ...change })
  expect(read.error?.issues.map(({ path, message }) => [path.join('.'), message])).toContainEqual([field, rule])
})

it('refuses a password that gives itself away', () => {
  expect(passwordProblem({ ...good, username: 'countess', password: 'my-COUNTESS-1' })).toBeDefined()
  expect(passwordProblem({ ...good, email: 'lovelace@example.com', password: 'lovelace-1815' })).toBeDefined()
  expect(passwordProblem({ ...good, email: 'ada@example.com', password: 'canada goose!' })).toBeUndefined()
})

it('writes an address in one way', () => {
  expect(normalEmail('Ada@Example.COM')).toBe('ada@example.com')
})
