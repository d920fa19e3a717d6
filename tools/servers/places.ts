import { accessSync, constants, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Places {
  /** All below, except the tools. */
  readonly state: string
  /** One file for each server that was started: its ports, processes and users. */
  readonly run: string
  readonly data: string
  readonly logs: string
  readonly locks: string
  readonly ports: string
  /** What a test run could not have, and why. */
  readonly missing: string
}

const project = fileURLToPath(new URL('../..', import.meta.url))

/** Everything of one work tree lies in its `.servers`, which git ignores; `TIDINGS_SERVERS_DIR` names another folder. */
export function places(): Places {
  const state = process.env['TIDINGS_SERVERS_DIR'] || join(project, '.servers')
  const below = (name: string): string => join(state, name)
  const all: Places = {
    state,
    run: below('run'),
    data: below('data'),
    logs: below('logs'),
    locks: below('locks'),
    ports: below('ports'),
    missing: below('missing'),
  }
  for (const folder of Object.values(all) as string[]) mkdirSync(folder, { recursive: true })
  return all
}

/**
 * Downloaded servers, shared by all work trees of a user: `tidings-servers` in the cache directory, or `.servers/tools`
 * where there is none to write to. `TIDINGS_TOOLS_DIR` names another folder.
 */
export function toolsFolder(): string {
  const chosen = process.env['TIDINGS_TOOLS_DIR']
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'tidings-servers')
  for (const folder of chosen ? [chosen] : [cache]) {
    try {
      mkdirSync(folder, { recursive: true })
      accessSync(folder, constants.W_OK)
      return folder
    } catch (error) {
      if (chosen) throw error
    }
  }
  const own = join(places().state, 'tools')
  mkdirSync(own, { recursive: true })
  return own
}
