import type { ScenarioResult } from '../report/results.ts'
import { comparison, short } from '../report/verdicts.ts'

export interface Bound {
  readonly scenario: string
  readonly side: string
  readonly to: string
  /** Least ratio of the rates, the best of all rounds. Far below what a quiet machine shows. */
  readonly least: number
}

/** What only a mistake can break: an accidental flush for each event, a lost coalescing, a quadratic loop. */
export const bounds: readonly Bound[] = [
  { scenario: 'memory/handled/one', side: 'inline', to: 'raw', least: 0.03 },
  { scenario: 'memory/handled/in-flight', side: 'inline', to: 'raw', least: 0.03 },
  { scenario: 'memory/handled/in-flight', side: 'queued', to: 'raw', least: 0.01 },
  { scenario: 'memory/handled/batches', side: 'queued', to: 'raw', least: 0.01 },
  { scenario: 'sqlite/full/in-flight', side: 'tidings', to: 'raw', least: 0.15 },
  { scenario: 'sqlite/full/in-flight', side: 'tidings-handled', to: 'raw', least: 0.06 },
  { scenario: 'sqlite/full/batches', side: 'tidings', to: 'raw', least: 0.15 },
  { scenario: 'sqlite/full/one', side: 'tidings', to: 'raw', least: 0.15 },
]

/** A sentence for each ratio below its bound. One good round is enough: only what is always slow is a mistake. */
export function brokenBounds(results: readonly ScenarioResult[], checked: readonly Bound[] = bounds): string[] {
  return checked.flatMap(({ scenario, side, to, least }) => {
    const result = results.find(({ id }) => id === scenario)
    const ratio = result === undefined ? undefined : comparison(result, side, to)
    if (ratio === undefined) return [`${scenario}: ${side} was not compared to ${to}.`]
    return ratio.most >= least
      ? []
      : [`${scenario}: ${side} reaches ${short(ratio.most)} × ${to} at best; at least ${least} is expected.`]
  })
}
