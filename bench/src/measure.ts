import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { describeMachine } from './harness/machine.ts'
import { ProgressBar } from './harness/progress-bar.ts'
import { type RunSettings, runScenario, stepsOf } from './harness/run-scenario.ts'
import { missingPeer } from './peers.ts'
import type { Scenario } from './plan/scenario.ts'
import type { Results, ScenarioResult } from './report/results.ts'
import { serverAddress, withAddresses } from './servers.ts'

/** On the disk of the project, because temporary folders are often memory, where a flush costs nothing. */
const work = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url))

export type MeasureSettings = Pick<RunSettings, 'size' | 'scale' | 'rounds' | 'profileTo'> & {
  /** Called with each scenario when it is done. */
  readonly done: (result: ScenarioResult) => void
}

function addressed(scenario: Scenario): Scenario {
  const say = (line: string): void => console.error(line)
  const { server, beside } = scenario
  return withAddresses(scenario, {
    ...(server !== undefined && { url: serverAddress(server, say) }),
    ...(beside !== undefined && { postgres: serverAddress(beside, say) }),
  })
}

/** Runs scenarios one after another. Whatever they leave on disk is removed again. */
export async function measure(scenarios: readonly Scenario[], settings: MeasureSettings): Promise<Results> {
  mkdirSync(work, { recursive: true })
  const folder = mkdtempSync(join(work, 'bench-'))
  const startedAt = new Date()
  const bar = new ProgressBar(scenarios.reduce((sum, scenario) => sum + stepsOf(scenario, settings), 0))
  try {
    const machine = describeMachine(folder)
    const results: ScenarioResult[] = []
    for (const scenario of scenarios) {
      bar.begin(scenario.title)
      const result = await runScenario(addressed(scenario), {
        ...settings,
        folder,
        missingPeer,
        step: (what) => bar.step(what),
      })
      bar.clear()
      results.push(result)
      settings.done(result)
    }
    return {
      format: 1,
      startedAt: startedAt.toISOString(),
      seconds: Math.round((Date.now() - startedAt.getTime()) / 1_000),
      size: settings.size,
      built: new URL(import.meta.resolve('tidings')).pathname.includes('/dist/'),
      ...commitOf(),
      machine,
      scenarios: results,
    }
  } finally {
    bar.clear()
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

const measured = [':/', ':(top,exclude)bench/results', ':(top,exclude)docs/benchmarks.md']

function commitOf(): { commit: string | undefined; changed: boolean } {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    return {
      commit: git('rev-parse', '--short', 'HEAD'),
      // What a run itself writes is no change of what is measured.
      changed: git('status', '--porcelain', '--untracked-files=no', '--', ...measured) !== '',
    }
  } catch {
    return { commit: undefined, changed: false }
  }
}
