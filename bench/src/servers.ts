import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import type { Scenario, Server, SideSpec } from './plan/scenario.ts'

const variables: Readonly<Record<Server, string>> = {
  redis: 'REDIS_URL',
  postgres: 'POSTGRES_URL',
  kafka: 'KAFKA_BOOTSTRAP_SERVERS',
  nats: 'NATS_URL',
  rabbitmq: 'RABBITMQ_URL',
}

const tool = fileURLToPath(new URL('../../tools/servers/main.ts', import.meta.url))

/** The address of a server to measure on: what the environment names, else one that is started here, and stays. Throws where there is none. */
export function serverAddress(name: Server, say: (line: string) => void): string {
  const given = process.env[variables[name]]
  if (given !== undefined) return given
  const run = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=source', tool, ...args], {
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`There is no ${name} to measure on: ${stderr.trim() || stdout.trim()}`)
    return stdout
  }
  say(`Looking for ${name}, or starting it.`)
  run('up', name)
  const address = /'([^']+)'/.exec(run('env', name))?.[1]
  if (address === undefined) throw new Error(`There is no ${name} to measure on.`)
  return address
}

/** Tells all sides of a scenario where their servers are, by the options in which they look for them. */
export function withAddresses(scenario: Scenario, addresses: Readonly<Record<string, string>>): Scenario {
  const told = (side: SideSpec): SideSpec => ({ ...side, options: { ...side.options, ...addresses } })
  const { prepare } = scenario
  return {
    ...scenario,
    sides: scenario.sides.map(told),
    ...(prepare !== undefined && { prepare: told(prepare) }),
  }
}
