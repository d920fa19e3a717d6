import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'

import { serverUrl, without } from '../../../tools/servers/index.ts'
import { allScenarios } from '../plan/choose-scenarios.ts'
import type { Scenario, SideSpec } from '../plan/scenario.ts'
import { withAddresses } from '../servers.ts'
import { type RunSettings, runScenario, stepsOf } from './run-scenario.ts'

function settings(more: Partial<RunSettings> = {}): RunSettings & { readonly steps: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-bench-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const steps: string[] = []
  return {
    size: 'smoke',
    scale: 0.005,
    rounds: 1,
    folder,
    steps,
    missingPeer: () => 'peers are not for tests',
    step: (what) => void steps.push(what),
    ...more,
  }
}

function small(sides: readonly SideSpec[]): Scenario {
  return {
    id: 'memory/small/one',
    group: 'memory',
    title: 'Small',
    how: 'Quickly.',
    load: 'one',
    reference: 'raw',
    sides,
    events: { full: 100, quick: 100, smoke: 100 },
    rounds: { full: 1, quick: 1, smoke: 1 },
    targets: [],
  }
}

/** Those that run what no other does: how many are in flight changes the figures, not what is called, and who has handled has published, too. */
function differing(scenarios: readonly Scenario[]): readonly Scenario[] {
  const ran = new Set<string>()
  const longest = scenarios.toSorted((a, b) => Number(b.id.includes('handled')) - Number(a.id.includes('handled')))
  return longest.filter(({ server, load, sides }) => {
    const called = load === 'batches' || load === 'steady' ? load : 'one'
    const keys = sides.map(({ kind }) => `${server} ${called} ${kind}`)
    const fresh = keys.filter((key) => !ran.has(key))
    for (const key of fresh) ran.add(key)
    return fresh.length > 0
  })
}

const servers = ['redis', 'postgres', 'kafka', 'nats', 'rabbitmq'] as const
const urls: Record<string, string> = {}
for (const name of servers) urls[name] = (await serverUrl(name)) ?? ''

describe('running scenarios', () => {
  // NORMAL runs the same code as FULL. The harness itself refuses sides that finish fewer or more events than they were given.
  const wanted = differing(allScenarios.filter(({ id, load }) => load !== 'footprint' && !id.includes('normal')))
  for (const server of [undefined, ...servers]) {
    describe(server ?? 'in this process', server === undefined ? {} : without(server, 'postgres'), () => {
      it.each(
        wanted.filter((scenario) => scenario.server === server).map((scenario) => [scenario.id, scenario] as const),
      )('lets all local sides of %s handle what they are given', async (_id, scenario) => {
        const chosen = settings()
        const addresses = { postgres: urls['postgres'] ?? '', ...(server !== undefined && { url: urls[server] ?? '' }) }
        const result = await runScenario(withAddresses(scenario, addresses), chosen)
        for (const { name, missing, rounds } of result.sides) {
          const peers = scenario.sides.find((side) => side.name === name)?.peers
          expect([name, missing, rounds.length]).toEqual(
            peers === undefined ? [name, undefined, 1] : [name, 'peers are not for tests', 0],
          )
        }
        expect(readdirSync(chosen.folder)).toEqual([])
      })
    })
  }

  it('measures what an import takes, each time in a fresh process', async () => {
    const scenario = allScenarios.find(({ id }) => id === 'footprint/import') as Scenario
    const result = await runScenario(scenario, settings())
    for (const { rounds } of result.sides) {
      expect(rounds).toHaveLength(1)
      for (const { value } of rounds) expect(value).toBeGreaterThan(0)
    }
  })

  describe('read models', without('postgres'), () => {
    it.each(
      allScenarios.filter(({ group }) => group === 'projections').map((scenario) => [scenario.id, scenario] as const),
    )('lets all sides of %s build theirs from one log', async (_id, scenario) => {
      const { server } = scenario
      const addresses = server === undefined ? {} : { url: urls[server] ?? '' }
      const result = await runScenario(withAddresses(scenario, addresses), settings())
      for (const { name, rounds } of result.sides) expect([name, rounds.length]).toEqual([name, 1])
    })
  })

  it('announces as many steps as it takes', async () => {
    const chosen = settings()
    const scenario = small([{ name: 'raw', label: 'raw', kind: 'raw-map' }])
    await runScenario(scenario, chosen)
    expect(chosen.steps).toHaveLength(stepsOf(scenario, chosen))
  })

  it('goes on without a peer that fails, and names no folder when it tells why', async () => {
    const result = await runScenario(
      small([
        { name: 'raw', label: 'raw', kind: 'raw-map' },
        { name: 'peer', label: 'peer', kind: 'import', peers: ['something'] },
      ]),
      settings({ missingPeer: () => undefined }),
    )
    expect(result.sides.map(({ rounds }) => rounds.length)).toEqual([1, 0])
    expect(result.sides[1]?.missing).toMatch(/Cannot find package 'undefined'/)
    expect(result.sides[1]?.missing).not.toMatch(/\/\w+\//)
  })

  it('fails where one of ours cannot run', async () => {
    await expect(runScenario(small([{ name: 'raw', label: 'raw', kind: 'no-such-side' }]), settings())).rejects.toThrow(
      /No side is called no-such-side/,
    )
  })

  it('writes a processor profile of each side where asked to', async () => {
    const chosen = settings()
    const profileTo = join(chosen.folder, 'profiles')
    await runScenario(small([{ name: 'raw', label: 'raw', kind: 'raw-map' }]), { ...chosen, profileTo })
    expect(existsSync(join(profileTo, 'memory-small-one-raw.cpuprofile'))).toBe(true)
  })
})
