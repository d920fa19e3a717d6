import { brokerScenarios } from './broker-scenarios.ts'
import { footprintScenarios } from './footprint-scenarios.ts'
import { memoryScenarios } from './memory-scenarios.ts'
import { projectionScenarios } from './projection-scenarios.ts'
import type { Group, Scenario } from './scenario.ts'
import { serverScenarios } from './server-scenarios.ts'
import { sqliteScenarios } from './sqlite-scenarios.ts'

export const groups: readonly Group[] = [
  'memory',
  'sqlite',
  'redis',
  'postgres',
  'kafka',
  'nats',
  'rabbitmq',
  'projections',
  'footprint',
]

export const allScenarios: readonly Scenario[] = [
  ...memoryScenarios,
  ...sqliteScenarios,
  ...serverScenarios,
  ...brokerScenarios,
  ...projectionScenarios,
  ...footprintScenarios,
]

export interface Choice {
  /** Default: all. */
  readonly groups?: readonly string[]
  /** Part of an id. */
  readonly only?: string | undefined
  /** Names of sides; a scenario that is left without any is left out. */
  readonly sides?: readonly string[] | undefined
  /** Whether sides that need packages of bench/peers run. Default true. */
  readonly peers?: boolean
}

/** Throws where a word means nothing or nothing is left. */
export function chooseScenarios({ groups: asked = [], only = '', sides, peers = true }: Choice): Scenario[] {
  const unknown = asked.find((name) => !groups.some((group) => group === name))
  if (unknown !== undefined) throw new Error(`Expected one of ${groups.join(', ')}, got ${unknown}.`)
  const chosen = allScenarios
    .filter(({ id, group }) => (asked.length === 0 || asked.includes(group)) && id.includes(only))
    .map((scenario) => ({
      ...scenario,
      sides: scenario.sides.filter(
        (side) => (peers || side.peers === undefined) && (sides === undefined || sides.includes(side.name)),
      ),
    }))
    .filter((scenario) => scenario.sides.length > 0)
  if (chosen.length === 0) throw new Error('No scenario is left.')
  return chosen
}
