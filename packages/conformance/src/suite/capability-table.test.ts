import { expect, test } from 'vitest'

import { capabilityTable } from './capability-table.ts'
import type { Ability } from './case.ts'
import type { SuiteResult } from './suite-result.ts'

const durable: Ability = { name: 'durability', value: 'store', has: true }
const alone: Ability = { name: 'sharing', value: 'process', has: false }

function result(
  backend: string,
  abilities: readonly Ability[],
  failing: readonly (Ability | undefined)[],
): SuiteResult {
  const about = [undefined, ...abilities].flatMap((capability) => [capability, capability])
  const cases = about.map((capability, at) => ({
    topic: 't',
    promise: 'p',
    title: String(at),
    capability,
    ...(at % 2 === 0 && failing.includes(capability) && { error: new Error('no') }),
  }))
  return { port: 'store', backend, seed: 1, abilities, cases }
}

test('a row a backend, a column a capability: held, refused, broken, or not there at all', () => {
  const table = capabilityTable([result('good', [durable, alone], []), result('bad', [durable], [undefined, durable])])
  expect(table.split('\n')).toEqual([
    '| backend | port  | every backend   | durability             | sharing          |',
    '| ------- | ----- | --------------- | ---------------------- | ---------------- |',
    '| good    | store | held            | store: held            | process: refused |',
    '| bad     | store | BROKEN (1 of 2) | store: BROKEN (1 of 2) |                  |',
  ])
})

test('a backend of which no case ran does not count as held', () => {
  const table = capabilityTable([{ port: 'store', backend: 'x', seed: 1, abilities: [durable], cases: [] }])
  expect(table).toContain('| x       | store | not run       | store: not run |')
})
