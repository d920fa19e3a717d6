import { expect, it } from 'vitest'

import { firstPreferences, preferences } from './preferences.ts'

it('begins with what its own rules take, and without a newsletter', () => {
  expect(preferences.parse(firstPreferences)).toEqual(firstPreferences)
  expect(firstPreferences.newsletter).toBe(false)
})

it.each([
  [{ language: 'English' }, 'language', 'must be a language such as en or de-AT'],
  [{ theme: 'pink' }, 'theme', 'must be light, dark or system'],
  [{ newsletter: 'yes' }, 'newsletter', 'must be true or false'],
  [{ colour: 'red' }, '', 'must hold language, theme and newsletter only'],
])('refuses %j', (change, field, rule) => {
  const read = preferences.safeParse({ ...firstPreferences, ...change })
  expect(read.error?.issues.map(({ path, message }) => [path.join('.'), message])).toEqual([[field, rule]])
})
