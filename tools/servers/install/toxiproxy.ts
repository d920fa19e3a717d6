import { isExecutable } from '../find-program.ts'
import type { Say } from '../kinds/kind.ts'
import { withLock } from '../lock.ts'
import { aptInstall } from './apt.ts'
import { goInstall, goVersion } from './go.ts'
import { installStep } from './install-error.ts'

/** The newest that Debian's Go can build. */
const module = 'github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0'
const neededGo = 17

/** From its official module; where Go is missing, Debian's comes first. */
export async function installToxiproxy(target: string, say: Say): Promise<void> {
  await withLock('install-toxiproxy', async () => {
    if (isExecutable(target)) return
    if (goVersion() < neededGo) await aptInstall(['golang-go', 'ca-certificates'], say)
    await installStep('toxiproxy-server', 'go install', () => goInstall(module, target, say))
  })
}
