import { execFile } from 'node:child_process'
import { join } from 'node:path'

import { expect, it } from 'vitest'

/** A process of its own: the mutants are copies of the library, loaded beside the real one. */
function hunt(): Promise<{ readonly missed: readonly string[]; readonly caught: number; readonly output: string }> {
  const script = join(import.meta.dirname, '../simulate.ts')
  return new Promise((resolve) => {
    execFile(process.execPath, ['--conditions=source', script, '--mutants', '--quick'], (_error, stdout, stderr) => {
      const rows = stdout
        .split('\n')
        .filter((line) => /^\| [a-z-]+ \|/.test(line) && !line.includes('| --- |') && !line.startsWith('| mutant'))
      const missed = rows.filter((row) => row.includes('| none of '))
      resolve({ missed, caught: rows.length - missed.length, output: stdout + stderr })
    })
  })
}

it('the simulation notices every mistake that a few seeds can notice', { timeout: 300_000 }, async () => {
  const { missed, caught, output } = await hunt()
  expect(missed).toEqual([])
  expect(caught, output).toBeGreaterThanOrEqual(14)
})
