import { ratioOf, type Spread, spreadOf } from '../harness/statistics.ts'
import type { Target } from '../plan/scenario.ts'
import type { ScenarioResult, SideResult } from './results.ts'

export interface Verdict {
  readonly side: string
  /** What was aimed at, in words: `at least 0.6 × raw node:sqlite`. */
  readonly aim: string
  /** What was reached, in the same words; undefined where a side is missing. */
  readonly reached: string | undefined
  readonly met: boolean | undefined
}

/** Events a second, round by round. */
export function ratesOf(side: SideResult): number[] {
  return side.rounds.map(({ events, ms }) => (events / ms) * 1_000)
}

/** What the scenario is about, round by round: a rate, or the value of a footprint. */
export function figuresOf(scenario: ScenarioResult, side: SideResult): number[] {
  return scenario.load === 'footprint' ? side.rounds.map(({ value }) => value ?? Number.NaN) : ratesOf(side)
}

/** A side compared to another by name; undefined where either has not run. */
export function comparison(scenario: ScenarioResult, side: string, to: string): Spread | undefined {
  const [one, other] = [ran(scenario, side), ran(scenario, to)]
  if (one === undefined || other === undefined) return undefined
  return ratioOf(figuresOf(scenario, one), figuresOf(scenario, other))
}

export function verdictsOf(scenario: ScenarioResult): Verdict[] {
  return scenario.targets.map((target) => verdictOf(scenario, target))
}

function verdictOf(scenario: ScenarioResult, target: Target): Verdict {
  const side = ran(scenario, target.side)
  const to = 'to' in target && target.to !== undefined ? ran(scenario, target.to) : undefined
  const toLabel = 'to' in target && target.to !== undefined ? labelOf(scenario, target.to) : ''
  const label = labelOf(scenario, target.side)
  const missing = side === undefined || ('to' in target && target.to !== undefined && to === undefined)
  const answer = (aim: string, reached: () => { readonly text: string; readonly met: boolean }): Verdict => {
    if (missing) return { side: label, aim, reached: undefined, met: undefined }
    const { text, met } = reached()
    return { side: label, aim, reached: text, met }
  }
  if ('rate' in target) {
    return answer(`at least ${whole(target.rate)} events/s`, () => {
      const rate = spreadOf(ratesOf(side!)).median
      return { text: `${whole(rate)} events/s`, met: rate >= target.rate }
    })
  }
  if ('ratio' in target) {
    return answer(`at least ${target.ratio} × ${toLabel}`, () => {
      const ratio = ratioOf(ratesOf(side!), ratesOf(to!)).median
      return { text: `${short(ratio)} ×`, met: ratio >= target.ratio }
    })
  }
  if ('latency' in target) {
    const asked = target.of === undefined ? (['p50', 'p99'] as const) : ([target.of] as const)
    const above = toLabel === '' ? '' : ` above ${toLabel}`
    return answer(`${asked.join(' and ')} at most ${target.latency} ms${above}`, () => {
      const waits = (['p50', 'p99'] as const).map((name) => waitOf(side!, name) - (to ? waitOf(to, name) : 0))
      const sign = (ms: number): string => (to === undefined ? '' : ms < 0 ? '−' : '+')
      return {
        text: `${waits.map((ms) => `${sign(ms)}${Math.abs(ms).toFixed(3)} ms`).join(' and ')}`,
        met: waits.slice(0, asked.length).every((ms) => ms <= target.latency),
      }
    })
  }
  const { unit = '' } = scenario
  return answer(`at most ${target.most} ${unit}${toLabel === '' ? '' : ` above: ${toLabel}`}`, () => {
    const value =
      spreadOf(figuresOf(scenario, side!)).median - (to === undefined ? 0 : spreadOf(figuresOf(scenario, to)).median)
    return { text: `${short(value)} ${unit}`, met: value <= target.most }
  })
}

/** Median over the rounds of what the rounds say of single calls, in milliseconds. */
export function waitOf(side: SideResult, name: 'p50' | 'p99'): number {
  return spreadOf(side.rounds.map((sample) => sample[name] ?? Number.NaN)).median
}

function ran(scenario: ScenarioResult, name: string): SideResult | undefined {
  const side = scenario.sides.find((one) => one.name === name)
  return side === undefined || side.rounds.length === 0 || side.missing !== undefined ? undefined : side
}

function labelOf(scenario: ScenarioResult, name: string): string {
  return scenario.sides.find((one) => one.name === name)?.label ?? name
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en')
}

/** Three digits that say something. */
export function short(value: number): string {
  return Math.abs(value) >= 100 ? whole(value) : value.toPrecision(Math.abs(value) < 1 ? 2 : 3)
}
