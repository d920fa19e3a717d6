import { rmSync } from 'node:fs'
import { join } from 'node:path'

import type { Sample, Scenario, SideSpec, Size } from '../plan/scenario.ts'
import type { ScenarioResult, SideResult } from '../report/results.ts'
import { SideHandle, type SideSettings } from './side-handle.ts'

export interface RunSettings {
  readonly size: Size
  /** Where sides may keep files; emptied again. */
  readonly folder: string
  /** Factor for the events of every round, for whoever develops. Default 1. */
  readonly scale?: number
  /** Instead of what the scenario says. */
  readonly rounds?: number
  readonly profileTo?: string
  /** Why a package cannot be used; undefined where it can. */
  missingPeer(name: string): string | undefined
  step(what: string): void
}

/** How often `step` will be called. */
export function stepsOf(scenario: Scenario, settings: Pick<RunSettings, 'size' | 'rounds'>): number {
  const rounds = settings.rounds ?? scenario.rounds[settings.size]
  const warmUps = scenario.load === 'footprint' && scenario.unit !== 'ms' ? 0 : 1
  return scenario.sides.length * (rounds + warmUps)
}

/** Opens all sides, lets their rounds alternate, and gathers the samples. A side that cannot run is told, and the others go on. */
export async function runScenario(scenario: Scenario, settings: RunSettings): Promise<ScenarioResult> {
  const samples = new Map<string, Sample[]>(scenario.sides.map(({ name }) => [name, []]))
  const missing = new Map<string, string>()
  for (const side of scenario.sides) {
    const why = side.peers?.map((name) => settings.missingPeer(name)).find((reason) => reason !== undefined)
    if (why !== undefined) missing.set(side.name, why)
  }
  try {
    if (scenario.load === 'footprint') await measureFootprints(scenario, settings, samples, missing)
    else await alternate(scenario, settings, samples, missing)
  } finally {
    rmSync(folderOf(settings, scenario), { recursive: true, force: true, maxRetries: 3 })
  }
  const { id, group, title, how, load, unit, reference, targets } = scenario
  return {
    id,
    group,
    title,
    how,
    load,
    ...(unit === undefined ? {} : { unit }),
    reference,
    targets,
    sides: scenario.sides.map(({ name, label, notes = [] }): SideResult => {
      const why = missing.get(name)
      return { name, label, notes, rounds: samples.get(name) ?? [], ...(why === undefined ? {} : { missing: why }) }
    }),
  }
}

/** Warm-up of all, then A B C, A B C … Every side lives through all rounds. */
async function alternate(
  scenario: Scenario,
  settings: RunSettings,
  samples: Map<string, Sample[]>,
  missing: Map<string, string>,
): Promise<void> {
  const handles: SideHandle[] = []
  try {
    for (const spec of scenario.sides) {
      if (missing.has(spec.name)) continue
      settings.step(`${scenario.title}: warming up ${spec.label}`)
      await forgiving(spec, missing, async () => {
        const handle = await SideHandle.start(scenario, spec, sideSettings(scenario, spec, settings))
        handles.push(handle)
        await handle.round(eventsOf(scenario, spec, settings))
      })
    }
    for (let round = 0; round < (settings.rounds ?? scenario.rounds[settings.size]); round++) {
      for (const handle of handles) {
        const { spec } = handle
        if (missing.has(spec.name)) continue
        settings.step(`${scenario.title}: ${spec.label}`)
        await forgiving(spec, missing, async () => {
          samples.get(spec.name)?.push(await handle.round(eventsOf(scenario, spec, settings)))
        })
      }
    }
  } finally {
    for (const handle of handles) await handle.close()
  }
}

/** A fresh process for each round of each side. */
async function measureFootprints(
  scenario: Scenario,
  settings: RunSettings,
  samples: Map<string, Sample[]>,
  missing: Map<string, string>,
): Promise<void> {
  if (scenario.prepare !== undefined) await measureAlone(scenario, scenario.prepare, settings)
  // What is timed wants its files in the system's cache, like everybody who starts a process for the second time.
  const timed = scenario.unit === 'ms'
  for (let round = timed ? -1 : 0; round < (settings.rounds ?? scenario.rounds[settings.size]); round++) {
    for (const spec of scenario.sides) {
      if (missing.has(spec.name)) continue
      settings.step(`${scenario.title}: ${spec.label}`)
      const sample = await measureAlone(scenario, spec, settings)
      if (round >= 0) samples.get(spec.name)?.push(sample)
    }
  }
}

/** One round in a process, and a folder, that nobody had before and nobody will have again. */
async function measureAlone(scenario: Scenario, spec: SideSpec, settings: RunSettings): Promise<Sample> {
  const chosen = sideSettings(scenario, spec, settings)
  const handle = await SideHandle.start(scenario, spec, chosen)
  try {
    return await handle.round(eventsOf(scenario, spec, settings))
  } finally {
    await handle.close()
    rmSync(chosen.folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Peers may fail on this machine, and the rest still counts. What is ours may not. */
async function forgiving(spec: SideSpec, missing: Map<string, string>, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (spec.peers === undefined) throw error
    // Results are published, so they name nobody's folders.
    const [why = ''] = (error as Error).message
      .replaceAll(/(?:file:\/\/)?\/[\w@.+-]+(?:\/[\w@.+-]+)+/g, '…')
      .split('\n', 1)
    missing.set(spec.name, why)
  }
}

function eventsOf(scenario: Scenario, spec: SideSpec, { size, scale = 1 }: RunSettings): number {
  // Whole batches, so that every side publishes what it was given.
  return Math.max(1, Math.ceil((scenario.events[size] * (spec.share ?? 1) * scale) / 100)) * 100
}

function sideSettings(scenario: Scenario, spec: SideSpec, settings: RunSettings): SideSettings {
  const folder = folderOf(settings, scenario)
  return { folder: join(folder, spec.name), sharedFolder: folder, profileTo: settings.profileTo }
}

function folderOf({ folder }: RunSettings, scenario: Scenario): string {
  return join(folder, scenario.id.replaceAll('/', '-'))
}
