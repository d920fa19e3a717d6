import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tidings-nowhere-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Vitest on a machine with nothing on its PATH, to which nothing may be brought. */
function vitest(env: NodeJS.ProcessEnv): Promise<{ code: unknown; lines: string[] }> {
  const cli = join(repository, 'node_modules/vitest/vitest.mjs')
  const line = [cli, 'run', '--root', join(repository, 'tools/servers/nowhere'), '--reporter']
  const bare = { TIDINGS_SERVERS_DIR: folder, TIDINGS_TOOLS_DIR: join(folder, 'tools'), HOME: folder, PATH: '' }
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [...line, join(repository, 'tools/closing-line-reporter.ts')],
      { cwd: repository, env: { ...bare, ...env } },
      (error, stdout) => resolve({ code: error === null ? 0 : error.code, lines: stdout.trimEnd().split('\n') }),
    )
  })
}

it('names at its end what did not run, and why', async () => {
  const { code, lines } = await vitest({})
  expect(code).toBe(0)
  expect(lines.slice(-4)).toEqual([
    'Not run:',
    '  asks.spec.ts > on Redis: no Redis',
    '  Redis: no docker on PATH; no redis-server on PATH; there is no apt-get here to install it with',
    '1 passed, 0 failed, 1 skipped',
  ])
})

it('fails under CI, where nothing may be missing', async () => {
  const { code, lines } = await vitest({ CI: 'true' })
  expect(code).toBe(1)
  expect(lines.slice(-4)).toEqual([
    'Not run:',
    '  asks.spec.ts: it failed to load',
    '  Redis: no docker on PATH; no redis-server on PATH; there is no apt-get here to install it with',
    '0 passed, 1 failed',
  ])
})
