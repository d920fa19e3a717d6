import { readFileSync, rmSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { join } from 'node:path'

import { rolldown } from 'rolldown'

import { type Check, type Report, runAlone } from './report.ts'
import type { Manifest } from './workspaces.ts'

const folder = 'packages/tidings'

/**
 * Joins the modules of the library into one file an entry and a few that they share. To import two hundred modules takes Node a quarter of a second of
 * processor time, to import these a quarter of that, and every process that uses the library pays it at its start. Types stay as the compiler
 * has written them. Run it after the compiler.
 */
export const bundle: Check = {
  name: 'bundle',
  async run(root): Promise<Report> {
    const home = join(root, folder)
    const { exports = {} } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as Manifest
    const input: Record<string, string> = {}
    for (const target of Object.values(exports)) {
      if (typeof target === 'string') continue
      const { source = '', default: built = '' } = target
      input[built.replace(/^\.\/dist\/|\.js$/g, '')] = join(home, source)
    }
    const dist = join(home, 'dist')
    // What an earlier build has left would be published, too.
    for await (const file of glob('**/*.{js,js.map}', { cwd: dist })) rmSync(join(dist, file))
    const bundled = await rolldown({
      input,
      platform: 'node',
      // Only what is the library's own.
      external: (id) => !id.startsWith('.') && !id.startsWith('/') && !/^[A-Za-z]:[\\/]/.test(id),
    })
    try {
      await bundled.write({ dir: dist, format: 'esm', sourcemap: true, chunkFileNames: 'shared/[name]-[hash].js' })
    } finally {
      await bundled.close()
    }
    return { problems: [], warnings: [] }
  },
}

if (import.meta.main) await runAlone(bundle)
