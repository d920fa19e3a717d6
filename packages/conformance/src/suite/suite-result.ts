import type { Ability } from './case.ts'

/** How one case ended. */
export interface CaseResult {
  readonly topic: string
  readonly promise: string
  readonly title: string
  readonly capability?: Ability | undefined
  /** Undefined where the promise was held. */
  readonly error?: Error
}

/** How a backend did in one suite. */
export interface SuiteResult {
  readonly port: 'store' | 'transport'
  readonly backend: string
  readonly seed: number
  readonly abilities: readonly Ability[]
  readonly cases: readonly CaseResult[]
}

/** The promises that were broken, each once, in order of the alphabet. */
export function brokenPromises(result: SuiteResult): readonly string[] {
  return [...new Set(result.cases.filter((one) => one.error !== undefined).map((one) => one.promise))].sort()
}
