import { findProgram } from './find-program.ts'
import { kinds } from './kinds/all.ts'
import type { Say } from './kinds/kind.ts'
import { lastWords, ProgramError, runProgram } from './run-program.ts'
import { type ServerName, titles } from './server-names.ts'

let refusal: Promise<string | undefined> | undefined

/** Undefined: Docker and its Compose work here. Otherwise what does not. Asked once a process. */
export function composeRefusal(): Promise<string | undefined> {
  refusal ??= (async () => {
    const docker = findProgram('docker')
    if (!docker) return 'no docker on PATH'
    const patience = 10_000
    try {
      await runProgram(docker, ['version', '--format', '{{.Server.Version}}'], { patience })
    } catch {
      return 'docker reaches no daemon'
    }
    try {
      await runProgram(docker, ['compose', 'version'], { patience })
      return undefined
    } catch {
      return 'docker has no compose'
    }
  })()
  return refusal
}

/** Undefined: the image is here, or was pulled. */
export async function pullRefusal(name: ServerName, say: Say): Promise<string | undefined> {
  const docker = findProgram('docker') as string
  const { image } = kinds[name].container({ ports: { main: 0 }, settings: {} })
  try {
    await runProgram(docker, ['image', 'inspect', image], { patience: 10_000 })
    return undefined
  } catch {
    say(`docker pull ${image} (${titles[name]}) …`)
  }
  try {
    await runProgram(docker, ['pull', '-q', image])
    return undefined
  } catch (error) {
    return `docker could not pull ${image}: ${lastWords(error instanceof ProgramError ? error.output : String(error))}`
  }
}
