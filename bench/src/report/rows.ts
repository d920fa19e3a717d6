import { spreadOf } from '../harness/statistics.ts'
import type { ScenarioResult, SideResult } from './results.ts'
import { comparison, figuresOf, short, verdictsOf, waitOf, whole } from './verdicts.ts'

/** A table as words: headings, and a row for each side. */
export interface Table {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Median and extremes of each side, and its ratio to the reference, round by round. */
export function tableOf(scenario: ScenarioResult): Table {
  const timed = scenario.sides.some(({ rounds }) => rounds[0]?.p50 !== undefined)
  const footprint = scenario.load === 'footprint'
  const reference = scenario.sides.find(({ name }) => name === scenario.reference)?.label ?? scenario.reference
  const head = footprint
    ? ['', `median ${scenario.unit}`, 'least–most', `beside ${reference}`]
    : [
        '',
        'events/s',
        'least–most',
        'CPU µs an event',
        `× ${reference}`,
        'least–most ×',
        ...(timed ? ['p50 ms', 'p99 ms'] : []),
      ]
  return {
    head,
    rows: scenario.sides.map((side) => (footprint ? footprintRow(scenario, side) : rateRow(scenario, side, timed))),
  }
}

function rateRow(scenario: ScenarioResult, side: SideResult, timed: boolean): string[] {
  if (side.rounds.length === 0 || side.missing !== undefined)
    return [side.label, 'did not run', ...Array<string>(timed ? 6 : 4).fill('')]
  const rate = spreadOf(figuresOf(scenario, side))
  const cpu = spreadOf(side.rounds.map(({ cpuMs, events }) => (cpuMs * 1_000) / events))
  const ratio = side.name === scenario.reference ? undefined : comparison(scenario, side.name, scenario.reference)
  return [
    side.label,
    whole(rate.median),
    `${whole(rate.least)}–${whole(rate.most)}`,
    short(cpu.median),
    ratio === undefined ? '' : short(ratio.median),
    ratio === undefined ? '' : `${short(ratio.least)}–${short(ratio.most)}`,
    ...(timed ? [waitOf(side, 'p50').toFixed(3), waitOf(side, 'p99').toFixed(3)] : []),
  ]
}

function footprintRow(scenario: ScenarioResult, side: SideResult): string[] {
  if (side.rounds.length === 0 || side.missing !== undefined) return [side.label, 'did not run', '', '']
  const value = spreadOf(figuresOf(scenario, side))
  const reference = scenario.sides.find(({ name }) => name === scenario.reference)
  const above =
    reference === undefined || reference === side
      ? undefined
      : value.median - spreadOf(figuresOf(scenario, reference)).median
  return [
    side.label,
    short(value.median),
    `${short(value.least)}–${short(value.most)}`,
    above === undefined ? '' : `${above < 0 ? '−' : '+'}${short(Math.abs(above))}`,
  ]
}

/** For a terminal: columns that line up, and below them what was aimed at. */
export function printed(scenario: ScenarioResult): string {
  const { head, rows } = tableOf(scenario)
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] as number) : cell.padStart(widths[column] as number),
      )
      .join('  ')
  const verdicts = verdictsOf(scenario).map(
    ({ side, aim, reached, met }) =>
      `  ${met === undefined ? 'not run ' : met ? 'reached ' : 'MISSED  '} ${side}: ${aim}${reached === undefined ? '' : `; got ${reached}`}`,
  )
  const missing = scenario.sides
    .filter((side) => side.missing !== undefined)
    .map((side) => `  not run: ${side.label}: ${side.missing}`)
  return [scenario.title, line(head), ...rows.map(line), ...verdicts, ...missing, ''].join('\n')
}
