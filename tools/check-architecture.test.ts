import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { checkArchitecture } from './check-architecture.ts'
import { problemsOf } from './planted.ts'

const architecture = readFileSync(new URL('../architecture.json', import.meta.url), 'utf8')
const library = 'packages/tidings/src'

/** A house in which everything is in order, plus the given files. */
function house(files: Record<string, string | object>): Promise<string[]> {
  return problemsOf(checkArchitecture, {
    'architecture.json': architecture,
    'package.json': {
      name: 'root',
      private: true,
      workspaces: ['packages/*', 'adapters/*', 'services/*', 'apps/*'],
      devDependencies: { vitest: '1.0.0' },
    },
    'packages/tidings/package.json': {
      name: 'tidings',
      dependencies: { uuidv7: '1.0.0' },
      devDependencies: { '@tidings/conformance': '1.0.0' },
    },
    'packages/conformance/package.json': { name: '@tidings/conformance', dependencies: { tidings: '1.0.0' } },
    'adapters/sqlite/package.json': {
      name: '@tidings/sqlite',
      dependencies: { tidings: '1.0.0', driver: '1.0.0' },
      devDependencies: { '@tidings/conformance': '1.0.0' },
    },
    'adapters/redis/package.json': {
      name: '@tidings/redis',
      dependencies: { tidings: '1.0.0', '@tidings/sqlite': '1.0.0' },
    },
    'services/auth/package.json': { name: 'auth', private: true },
    'services/users/package.json': { name: 'users', private: true, dependencies: { tidings: '1.0.0', auth: '1.0.0' } },
    'apps/cli/package.json': { name: '@tidings/cli', dependencies: { tidings: '1.0.0', '@tidings/sqlite': '1.0.0' } },
    ...files,
  })
}

test('what the rules allow is allowed', async () => {
  const problems = await house({
    [`${library}/index.ts`]: `export { bus } from './bus/bus.ts'`,
    [`${library}/kernel/clock.ts`]: `import { hash } from 'node:crypto'\nimport { uuidv7 } from 'uuidv7'`,
    [`${library}/bus/bus.ts`]: `import { clock } from '../kernel/clock.ts'\nimport './bus-options.ts'`,
    [`${library}/kernel/clock.test.ts`]: `import { test } from 'vitest'\nimport '../bus/bus.ts'\nimport '@tidings/conformance'`,
    'adapters/sqlite/src/index.ts': `import 'tidings/spi'\nimport 'driver/deep'`,
    'adapters/sqlite/src/store.int.test.ts': `import '@tidings/conformance'`,
    'services/users/handlers/greet.ts': `import 'auth/contract'\nimport '../../auth/contract/index.ts'\nimport 'tidings'`,
    'apps/cli/src/main.ts': `await import('@tidings/sqlite')`,
    'tests/chaos/kill.test.ts': `import 'tidings'\nimport '@tidings/sqlite'\nimport '../../tools/servers/index.ts'`,
    'adapters/sqlite/tests/world.ts': `import '../../../tools/servers/index.ts'`,
    'examples/first.ts': `import '@tidings/sqlite'`,
    'tools/check.ts': `import 'tidings'\nimport '../services/users/handlers/greet.ts'`,
  })
  // Tools use what they like, by package name; only the relative path across packages is refused.
  expect(problems).toEqual([
    `tools/check.ts:2 imports '../services/users/handlers/greet.ts': a relative import stays inside its package: use the package name`,
  ])
})

const refused: [title: string, file: string, text: string, why: string][] = [
  [
    'a room that imports one below',
    `${library}/kernel/x.ts`,
    `import '../bus/bus.ts'`,
    `room 'kernel' stands above room 'bus'`,
  ],
  [
    'also by type only',
    `${library}/kernel/x.ts`,
    `import type { A } from '../bus/bus.ts'`,
    `room 'kernel' stands above`,
  ],
  ['also by re-export', `${library}/kernel/x.ts`, `export { a } from '../bus/bus.ts'`, `room 'kernel' stands above`],
  ['also when loaded later', `${library}/kernel/x.ts`, `void import('../bus/bus.ts')`, `room 'kernel' stands above`],
  [
    'features that know each other',
    `${library}/sagas/x.ts`,
    `import '../replay/replay.ts'`,
    'features never import each other',
  ],
  ['a room that imports an entry', `${library}/bus/x.ts`, `import '../index.ts'`, 'rooms never import the entries'],
  ['a room nobody planned', `${library}/stuff/x.ts`, '', `no room 'stuff'`],
  ['a file outside the rooms', `${library}/bus.ts`, '', 'only index.ts and spi.ts live outside a room'],
  [
    'a vendor in the library',
    `${library}/store/x.ts`,
    `import 'driver'`,
    `'driver' is not among the dependencies of tidings`,
  ],
  [
    'an adapter in the library',
    `${library}/bus/x.ts`,
    `await import('@tidings/sqlite')`,
    'packages may not import adapters',
  ],
  [
    'an adapter in a test of the library',
    `${library}/bus/x.test.ts`,
    `import '@tidings/sqlite'`,
    'packages may not import adapters',
  ],
  ['the library by its own name', `${library}/bus/x.ts`, `import 'tidings'`, 'does not import itself by name'],
  ['a test in a source', `${library}/bus/x.ts`, `import './bus.test.ts'`, 'a test is not for import'],
  ['a built-in without node:', `${library}/bus/x.ts`, `import 'fs'`, `write 'node:fs'`],
  [
    'an adapter in an adapter',
    'adapters/redis/src/index.ts',
    `import '@tidings/sqlite'`,
    'adapters never import each other',
  ],
  ['the same by path', 'adapters/redis/src/x.ts', `import '../../sqlite/src/index.ts'`, 'stays inside its package'],
  [
    'the kit in an adapter source',
    'adapters/sqlite/src/x.ts',
    `import '@tidings/conformance'`,
    'adapters may not import packages',
  ],
  [
    'the insides of another service',
    'services/users/x.ts',
    `import 'auth/domain/user.ts'`,
    'only contract/ may be imported',
  ],
  ['the same by path', 'services/users/x.ts', `import '../auth/domain/user.ts'`, 'stays inside its package'],
  [
    'an adapter in an app, statically',
    'apps/cli/src/x.ts',
    `import '@tidings/sqlite'`,
    'apps load adapters by import() only',
  ],
  ['tools in a package', `${library}/bus/x.test.ts`, `import '../../../../tools/check.ts'`, 'nothing imports tools'],
  ['tools in a test', 'tests/x.test.ts', `import '../tools/check.ts'`, 'nothing imports tools'],
  [
    'servers outside tests',
    `${library}/bus/x.ts`,
    `import '../../../../tools/servers/index.ts'`,
    'nothing imports tools',
  ],
  ['the inside of servers', 'tests/x.test.ts', `import '../tools/servers/own.ts'`, 'nothing imports tools'],
  [
    'a dependency nobody declared',
    'examples/x.ts',
    `import 'left-pad'`,
    `'left-pad' is not among the dependencies of root`,
  ],
]

test.each(refused)('%s is refused', async (_, file, text, why) => {
  const problems = await house({ [file]: text })
  expect(problems).toHaveLength(1)
  expect(problems[0]).toContain(file)
  expect(problems[0]).toContain(why)
})

test('packages that depend on each other in a circle are refused', async () => {
  const problems = await house({
    'packages/tidings/package.json': { name: 'tidings', dependencies: { '@tidings/conformance': '1' } },
  })
  expect(problems.join()).toMatch(/tidings -> @tidings\/conformance -> tidings is a circle/)
})

test('a project that the build would forget is refused', async () => {
  const problems = await house({ 'tsconfig.packages.json': { references: [] }, 'packages/tidings/tsconfig.json': {} })
  expect(problems).toEqual([
    'tsconfig.packages.json: add a reference to packages/tidings, else it is never type-checked',
  ])
})
