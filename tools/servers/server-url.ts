import { findProgram } from './find-program.ts'
import { aptInstall } from './install/apt.ts'
import { missingReason, noteMissing } from './missing.ts'
import { ownRefusal } from './own.ts'
import { say } from './say.ts'
import { type ProgramName, type ServerName, titles, type WantedName } from './server-names.ts'
import { ensureShared } from './shared.ts'

/**
 * The address of the server that all tests share, started if need be (which may install it). Use names of your own in
 * it. Undefined: it cannot be had here, and the closing lines will say so; under `CI=true` that is an error instead.
 */
export async function serverUrl(name: ServerName): Promise<string | undefined> {
  const known = missingReason(name)
  const had = known === undefined ? await ensureShared(name, { keep: false, say }) : { missing: known }
  return 'url' in had ? had.url : doWithout(name, had.missing)
}

/** Whether `startOwn` can start a server of that kind here. False, and an error under `CI=true`, as above. */
export async function canStartOwn(name: ServerName): Promise<boolean> {
  const refusal = missingReason(name) ?? (await ownRefusal(name))
  if (refusal !== undefined) doWithout(name, refusal)
  return refusal === undefined
}

/** The path of a program, installed if need be. Undefined, and an error under `CI=true`, as above. */
export async function programPath(name: ProgramName): Promise<string | undefined> {
  const known = missingReason(name)
  if (known !== undefined) return doWithout(name, known)
  if (findProgram(name) === undefined) {
    try {
      await aptInstall([name], say)
    } catch (error) {
      return doWithout(name, `no ${name} on PATH; ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return findProgram(name) ?? doWithout(name, `no ${name} on PATH, even after its installation`)
}

function doWithout(name: WantedName, reason: string): undefined {
  if (missingReason(name) === undefined) {
    noteMissing(name, reason)
    say(`${titles[name]} could not be had: ${reason}`)
  }
  if (process.env['CI'] === 'true') throw new Error(`CI runs all tests, but there is no ${titles[name]}: ${reason}`)
}
