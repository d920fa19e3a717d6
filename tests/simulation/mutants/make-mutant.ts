import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import type { SeedResult } from '../run-seed.ts'
import type { Mutant } from './mutants.ts'

const root = join(import.meta.dirname, '../../..')
const area = join(root, 'dist/mutants')

export type RunSeed = (seed: number) => Promise<SeedResult>

/**
 * Copies library and simulation into the build area, makes the mistake there, and loads the copy beside everything else. Throws when the text it
 * would replace is gone: then the mutant must be written anew, for it proves nothing any more.
 */
export async function makeMutant({ name, file, find, put }: Mutant): Promise<RunSeed> {
  const folder = join(area, name)
  rmSync(folder, { recursive: true, force: true })
  const source = join(folder, 'packages/tidings/src')
  cpSync(join(root, 'packages/tidings/src'), source, { recursive: true, filter: (path) => !path.endsWith('.test.ts') })
  cpSync(join(root, 'packages/tidings/package.json'), join(folder, 'packages/tidings/package.json'))
  cpSync(join(root, 'tests/simulation'), join(folder, 'tests/simulation'), {
    recursive: true,
    filter: (path) => !/\.test\.ts$|\/mutants$/.test(path),
  })
  const path = join(source, file)
  const text = readFileSync(path, 'utf8')
  const parts = text.split(find)
  if (parts.length !== 2)
    throw new Error(
      `Mutant ${name}: ${file} holds the text to replace ${parts.length - 1} times instead of once. Write the mutant anew.`,
    )
  writeFileSync(path, parts.join(put))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(join(folder, 'packages/tidings'), join(folder, 'node_modules/tidings'), 'junction')
  const { runSeed } = (await import(pathToFileURL(join(folder, 'tests/simulation/run-seed.ts')).href)) as {
    runSeed: RunSeed
  }
  return runSeed
}
