import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { closingLines } from './closing-line-reporter.ts'

const repository = fileURLToPath(new URL('..', import.meta.url))
const fixture = fileURLToPath(new URL('./closing-line', import.meta.url))

function vitest(...args: string[]): Promise<{ code: unknown; lines: string[] }> {
  const cli = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url))
  const line = [cli, 'run', '--root', fixture, '--reporter', `${repository}/tools/closing-line-reporter.ts`, ...args]
  return new Promise((resolve) => {
    execFile(process.execPath, line, { cwd: repository }, (error, stdout) =>
      resolve({ code: error === null ? 0 : error.code, lines: stdout.trimEnd().split('\n') }),
    )
  })
}

test('the last line counts, and the lines above it name what did not run and why', async () => {
  const { code, lines } = await vitest()
  expect(code).toBe(1)
  expect(lines.slice(-8)).toEqual([
    'Not run:',
    '  broken-import.spec.ts: it failed to load',
    '  mixed.spec.ts > with a server: no server is running',
    '  mixed.spec.ts > one of it: only on Sundays',
    '  mixed.spec.ts > broken hook: a hook of it failed',
    'Passed at the second try only:',
    '  mixed.spec.ts > passes the second time',
    '3 passed, 3 failed, 4 skipped',
  ])
})

test('a run that found nothing to run has failed', async () => {
  const { code, lines } = await vitest('no-such-file')
  expect(code).toBe(1)
  expect(lines.at(-1)).toBe('0 passed, 1 failed')
})

test('nothing skipped, nothing said about it', () => {
  expect(closingLines({ passed: 3, failed: 0, skipped: 0, notRun: [] })).toEqual(['3 passed, 0 failed'])
})
