import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../find-program.ts'
import type { Say } from '../kinds/kind.ts'
import { withLock } from '../lock.ts'
import { places } from '../places.ts'
import { type HowToRun, ProgramError, runProgram } from '../run-program.ts'
import { InstallError, installStep, isOffline } from './install-error.ts'

let unreached: ProgramError | undefined

const policy = '/usr/sbin/policy-rc.d'

/** Packages of Debian, without what they only recommend and without starting what they bring. Needs root. */
export async function aptInstall(packages: readonly string[], say: Say): Promise<void> {
  const apt = findProgram('apt-get')
  if (!apt) throw new InstallError('there is no apt-get here to install it with')
  if (process.getuid?.() !== 0) throw new InstallError(`only root may install ${packages.join(' and ')} by apt-get`)
  await withLock('apt', () =>
    withoutStarting(() =>
      installStep(packages.join(' and '), 'apt-get', async () => {
        // Each try takes apt-get many seconds of waiting; one tells what all others would.
        if (unreached) throw unreached
        say(`apt-get install ${packages.join(' ')} …`)
        const how: HowToRun = {
          env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
          log: join(places().logs, 'apt.log'),
        }
        // A system package manager at work elsewhere is waited for.
        const patient = ['-o', 'DPkg::Lock::Timeout=120']
        const install = [...patient, 'install', '-y', '-qq', '--no-install-recommends', ...packages]
        try {
          await runProgram(apt, install, how)
        } catch {
          // The lists of packages are missing or old; `any` makes a list that was not reached an error.
          const update = runProgram(apt, [...patient, '-o', 'APT::Update::Error-Mode=any', 'update', '-qq'], how)
          await update.catch((error: unknown) => {
            if (error instanceof ProgramError && isOffline(error.output)) unreached = error
            throw error
          })
          await runProgram(apt, install, how)
        }
      }),
    ),
  )
}

/** Installs packages whose programs are missing; does nothing when all are here. */
export async function aptPrograms(wanted: Readonly<Record<string, string>>, say: Say): Promise<void> {
  const missing = Object.entries(wanted).filter(([program]) => findProgram(program) === undefined)
  if (missing.length > 0)
    await aptInstall(
      missing.map(([, name]) => name),
      say,
    )
}

/** Debian starts what it installs, unless this file forbids it. One that was there before stays as it is. */
async function withoutStarting<T>(work: () => Promise<T>): Promise<T> {
  if (existsSync(policy)) return work()
  try {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n')
    chmodSync(policy, 0o755)
    return await work()
  } finally {
    rmSync(policy, { force: true })
  }
}
