import type { Machine } from '../harness/machine.ts'
import type { Group, Load, Sample, Size, Target } from '../plan/scenario.ts'

/** A whole run, as it is written to disk. Tables, verdicts and docs are worked out from this alone. */
export interface Results {
  readonly format: 1
  /** ISO 8601, UTC. */
  readonly startedAt: string
  readonly seconds: number
  readonly size: Size
  /** Whether the built packages ran, as users install them, or the sources. */
  readonly built: boolean
  readonly commit: string | undefined
  /** Whether files differed from that commit. */
  readonly changed: boolean
  readonly machine: Machine
  readonly scenarios: readonly ScenarioResult[]
}

export interface ScenarioResult {
  readonly id: string
  readonly group: Group
  readonly title: string
  readonly how: string
  readonly load: Load
  readonly unit?: 'MB' | 'ms' | '%'
  readonly reference: string
  readonly targets: readonly Target[]
  readonly sides: readonly SideResult[]
  /** Where it is of an earlier run than the rest: of which. */
  readonly run?: Run
}

/** What tells one run from another. */
export type Run = Pick<Results, 'startedAt' | 'size' | 'commit' | 'changed'>

/** These results, and behind them those of an earlier run that this one has not measured, each with a word on when that was. */
export function withEarlier(results: Results, earlier: Results): Results {
  const { startedAt, size, commit, changed } = earlier
  const measured = new Set(results.scenarios.map(({ id }) => id))
  const kept = earlier.scenarios
    .filter(({ id }) => !measured.has(id))
    .map((scenario) => ({ run: { startedAt, size, commit, changed }, ...scenario }))
  return { ...results, scenarios: [...results.scenarios, ...kept] }
}

export interface SideResult {
  readonly name: string
  readonly label: string
  readonly notes: readonly string[]
  readonly rounds: readonly Sample[]
  /** Why it did not run. */
  readonly missing?: string
}
