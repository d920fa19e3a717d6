import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findProgram } from '../find-program.ts'
import type { Say } from '../kinds/kind.ts'
import { toolsFolder } from '../places.ts'
import { runProgram } from '../run-program.ts'

/** The minor version of Go 1 on PATH, 0 when there is none. */
export function goVersion(): number {
  const go = findProgram('go')
  if (!go) return 0
  const { stdout } = spawnSync(go, ['env', 'GOVERSION'], { encoding: 'utf8', timeout: 20_000 })
  return Number(/go1\.(\d+)/.exec(stdout ?? '')?.[1] ?? 0)
}

/** Builds a program from its official module; Go checks the sources against its public list of checksums. */
export async function goInstall(module: string, target: string, say: Say): Promise<void> {
  say(`go install ${module} (about a minute the first time) …`)
  const draft = mkdtempSync(join(toolsFolder(), 'go-'))
  try {
    const env = { ...process.env, GOBIN: draft, GOFLAGS: '-buildvcs=false' }
    await runProgram(findProgram('go') as string, ['install', '-ldflags=-s -w', module], { env, cwd: draft })
    mkdirSync(dirname(target), { recursive: true })
    renameSync(join(draft, readdirSync(draft)[0] as string), target)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}
