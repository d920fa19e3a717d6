import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { thisUser } from './instance.ts'
import { places } from './places.ts'
import { identify } from './process-identity.ts'
import { isWantedName, type WantedName } from './server-names.ts'

/** Notes for the whole test run that it goes without a server or a program, and why. */
export function noteMissing(name: WantedName, reason: string): void {
  writeFileSync(fileOf(name), reason)
}

export function missingReason(name: WantedName): string | undefined {
  return missingServers().get(name)
}

export function missingServers(): Map<WantedName, string> {
  const found = new Map<WantedName, string>()
  for (const file of readdirSync(places().missing)) {
    const name = file.split('.').at(-1) ?? ''
    if (file === nameOf(name) && isWantedName(name)) found.set(name, readFileSync(join(places().missing, file), 'utf8'))
  }
  return found
}

/** Forgets the notes of this run, and of runs that are no more. */
export function forgetMissing(): void {
  for (const file of readdirSync(places().missing)) {
    const over = identify(Number.parseInt(file, 10)) === undefined
    if (over || file === nameOf(file.split('.').at(-1) ?? '')) rmSync(join(places().missing, file), { force: true })
  }
}

function nameOf(name: string): string {
  const { pid, started } = thisUser()
  return `${pid}.${started.replace(/\W/g, '-')}.${name}`
}

function fileOf(name: WantedName): string {
  return join(places().missing, nameOf(name))
}
