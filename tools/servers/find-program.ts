import { spawnSync } from 'node:child_process'
import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The first executable file of that name on `PATH`, then in other folders; undefined when there is none. */
export function findProgram(name: string, alsoIn: readonly string[] = []): string | undefined {
  return findPrograms(name, alsoIn)[0]
}

/** All of them, in that order. */
export function findPrograms(name: string, alsoIn: readonly string[] = []): string[] {
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return [...path, ...alsoIn].map((folder) => join(folder, name)).filter(isExecutable)
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** What links lead to. */
export function realProgram(path: string): string {
  return realpathSync(path)
}

/** The first number that `shape` finds in what the program says of itself, 0 when it says nothing of the kind. */
export function versionOf(program: string, flag: string, shape: RegExp): number {
  const { stdout, stderr } = spawnSync(program, [flag], { encoding: 'utf8', timeout: 20_000 })
  return Number(shape.exec(`${stdout ?? ''}${stderr ?? ''}`)?.[1] ?? 0)
}
