import { missingReason, noteMissing } from './missing.ts'
import { ownRefusal } from './own.ts'
import { say } from './say.ts'
import { type ServerName, titles } from './server-names.ts'
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

function doWithout(name: ServerName, reason: string): undefined {
  if (missingReason(name) === undefined) {
    noteMissing(name, reason)
    say(`${titles[name]} could not be had: ${reason}`)
  }
  if (process.env['CI'] === 'true') throw new Error(`CI runs all tests, but there is no ${titles[name]}: ${reason}`)
}
