import { expect, test } from 'vitest'
import { checkLockFile } from './check-lockfile.ts'
import { problemsOf } from './planted.ts'

function project(root: object, packages: object = {}): Promise<string[]> {
  return problemsOf(checkLockFile, {
    'package.json': { name: 'root', workspaces: ['packages/*'], ...root },
    'packages/one/package.json': { name: 'one', version: '1.2.3' },
    'package-lock.json': { packages: { '': {}, ...packages } },
  })
}

test('exact versions and hashes pass', async () => {
  const locked = {
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-x' },
    'node_modules/one': { resolved: 'packages/one', link: true },
  }
  const root = { dependencies: { a: '1.0.0', one: '1.2.3' }, peerDependencies: { b: '>=1' } }
  expect(await project(root, locked)).toEqual([])
})

test.each(['^1.0.0', '~1.0.0', '*', 'latest', '1', '>=1.0.0', 'file:../a'])(
  'a version such as %s is refused',
  async (version) => {
    expect(await project({ devDependencies: { a: version } })).toHaveLength(1)
  },
)

test('another version of our own package is refused', async () => {
  expect(await project({ dependencies: { one: '1.2.4' } })).toEqual([
    `package.json: dependencies 'one' must be "1.2.3", as that package says`,
  ])
})

test('a registry host and a missing hash in the lock file are refused', async () => {
  const locked = {
    'node_modules/a': { version: '1.0.0', resolved: 'https://registry.example/a.tgz', integrity: 'sha512-x' },
    'node_modules/b': { version: '1.0.0' },
  }
  const problems = await project({}, locked)
  expect(problems[0]).toMatch(/names a host/)
  expect(problems[1]).toMatch(/has no integrity/)
  expect(problems).toHaveLength(2)
})

test('an optional package that the lock file lacks is refused, for npm ci refuses it too', async () => {
  const locked = {
    'node_modules/tool': {
      version: '1.0.0',
      integrity: 'x',
      optionalDependencies: { '@tool/linux': '1.0.0', '@tool/mac': '1.0.0' },
    },
    'node_modules/@tool/linux': { version: '1.0.0', integrity: 'x' },
  }
  const problems = await project({}, locked)
  expect(problems).toEqual([expect.stringContaining("'@tool/mac', optional for 'node_modules/tool', is missing")])
})
