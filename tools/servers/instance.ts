import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { places } from './places.ts'
import { type Identity, identify } from './process-identity.ts'
import type { ServerName } from './server-names.ts'

/** Settings in the server's own words; a test may ask its own server for any. */
export type Settings = Readonly<Record<string, string | number | boolean>>

/** One server that this tool has made. Its file is written before it is started and removed with its data. */
export interface Instance {
  /** `redis` for the one that all share, `redis-4f1c09` for one of a test's own. */
  readonly id: string
  readonly kind: ServerName
  readonly from: 'programs' | 'compose'
  /** They stay the same over restarts. */
  readonly ports: Readonly<Record<string, number>>
  readonly folder: string
  readonly log: string
  readonly settings: Settings
  /** Somebody started it by hand: tests leave it running. */
  keep: boolean
  /** Test runs that use it, or the process whose own it is. */
  users: Identity[]
  processes: Record<string, Identity>
}

export function readInstance(id: string): Instance | undefined {
  const file = fileOf(id)
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Instance
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`${file} cannot be read. Remove it, after stopping its server by hand if it still runs.`, {
      cause: error,
    })
  }
}

export function writeInstance(instance: Instance): void {
  const file = fileOf(instance.id)
  const draft = `${file}.${process.pid}.draft`
  writeFileSync(draft, JSON.stringify(instance, undefined, 2))
  renameSync(draft, file)
}

export function forgetInstance(id: string): void {
  rmSync(fileOf(id), { force: true })
}

export function allInstances(): Instance[] {
  const files = readdirSync(places().run).filter((name) => name.endsWith('.json'))
  return files.map((name) => readInstance(name.slice(0, -5))).filter((one) => one !== undefined)
}

/** Who uses servers: the test run that this process belongs to, or the process itself. */
export function thisUser(): Identity {
  const run = process.env[runVariable]
  return run ? (JSON.parse(run) as Identity) : (identify(process.pid) as Identity)
}

/** The global setup of a test run names itself here for its workers. */
export const runVariable = 'TIDINGS_TEST_RUN'

function fileOf(id: string): string {
  return join(places().run, `${id}.json`)
}
