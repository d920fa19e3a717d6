import { expect, test } from 'vitest'
import { checkPackages } from './check-packages.ts'
import { plant, problemsOf } from './planted.ts'
import { runCommand } from './run-command.ts'

const entry = { source: './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' }
const root = { 'package.json': { name: 'root', private: true, workspaces: ['packages/*'] } }

test('a package that was not built is refused', async () => {
  const problems = await problemsOf(checkPackages, {
    ...root,
    'packages/one/package.json': { name: 'one', version: '1.0.0', exports: { '.': entry } },
    'packages/one/src/index.ts': '',
  })
  expect(problems).toEqual([
    `packages/one: '.' leads to no types (./dist/index.d.ts); run npm run build`,
    `packages/one: '.' leads to no default (./dist/index.js); run npm run build`,
  ])
})

test('private packages are not looked at, those that export nothing are refused', async () => {
  const manifests = {
    'packages/a/package.json': { name: 'a', private: true },
    'packages/b/package.json': { name: 'b' },
  }
  expect(await problemsOf(checkPackages, { ...root, ...manifests })).toEqual([
    'packages/b/package.json exports nothing',
  ])
})

test('a tool that is not there fails the check that needs it', async () => {
  const result = await runCommand(['no-such-tool'], plant({}))
  expect(result.ok).toBe(false)
  expect(result.output).toContain('no-such-tool could not run')
})

test('a tool that fails is a failure, with both of its streams', async () => {
  const result = await runCommand(
    ['node', '-e', 'console.log("out"); console.error("err"); process.exitCode = 3'],
    plant({}),
  )
  expect(result.ok).toBe(false)
  expect(result.output).toContain('out')
  expect(result.output).toContain('err')
})
