import type { Ability } from './case.ts'
import type { SuiteResult } from './suite-result.ts'

/**
 * Backend × capability as a Markdown table, for the end of a run and for the docs. `held`: it has the capability and every
 * case of it passed. `refused`: it declares to have it not, and behaves so. `BROKEN`: it does not do what it declares.
 */
export function capabilityTable(results: readonly SuiteResult[]): string {
  const names = [...new Set(results.flatMap((result) => result.abilities.map((ability) => ability.name)))]
  const head = ['backend', 'port', 'every backend', ...names]
  const rows = results.map((result) => [
    result.backend,
    result.port,
    verdict(result, undefined),
    ...names.map((name) => {
      const ability = result.abilities.find((one) => one.name === name)
      return ability === undefined ? '' : verdict(result, ability)
    }),
  ])
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join('\n')
}

function verdict(result: SuiteResult, ability: Ability | undefined): string {
  const cases = result.cases.filter((one) => one.capability?.name === ability?.name)
  const failed = cases.filter((one) => one.error !== undefined).length
  const what =
    cases.length === 0
      ? 'not run'
      : failed > 0
        ? `BROKEN (${failed} of ${cases.length})`
        : (ability?.has ?? true)
          ? 'held'
          : 'refused'
  return ability === undefined ? what : `${ability.value}: ${what}`
}
