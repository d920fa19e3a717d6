import { composeRefusal, pullRefusal } from './compose-client.ts'
import type { Instance } from './instance.ts'
import { kinds } from './kinds/all.ts'
import type { Say } from './kinds/kind.ts'
import { compose } from './launch-compose.ts'
import { programs } from './launch-programs.ts'
import type { Launcher } from './launcher.ts'
import { withLock } from './lock.ts'
import { type ServerName, titles, variables } from './server-names.ts'

/** Where a server will come from, or why it cannot be had. */
export type Obtained = { readonly from: Instance['from'] } | { readonly missing: string }

export function launcherOf({ from }: Pick<Instance, 'from'>): Launcher {
  return from === 'compose' ? compose : programs
}

/** Docker Compose where that works, else programs that are here, else programs that can be brought here. */
export async function obtain(name: ServerName, say: Say): Promise<Obtained> {
  if (process.platform === 'win32') return { missing: `on Windows it is yours to start: name it in ${variables[name]}` }
  const kind = kinds[name]
  const reasons: string[] = []
  const noCompose = (await composeRefusal()) ?? (await pullRefusal(name, say))
  if (noCompose === undefined) return { from: 'compose' }
  reasons.push(noCompose)
  return withLock(`obtain-${name}`, async () => {
    const found = kind.find()
    if (typeof found !== 'string') return { from: 'programs' }
    reasons.push(found)
    try {
      say(`${titles[name]} is not here (${found}) and is fetched`)
      await kind.install(say)
      const installed = kind.find()
      if (typeof installed !== 'string') return { from: 'programs' }
      reasons.push(`after its installation: ${installed}`)
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error))
    }
    return { missing: reasons.join('; ') }
  })
}
