import { expect, it } from 'vitest'

import { severityOf } from './severity.ts'

it.each([
  ['user.logged-in', 'info'],
  ['user.logged-out', 'info'],
  ['login.failed', 'warning'],
  ['account.locked', 'critical'],
] as const)('%s is %s', (type, severity) => {
  expect(severityOf(type)).toBe(severity)
})
