import { batchSize, inFlight } from '../harness/drive.ts'
import type { Group } from '../plan/scenario.ts'
import type { Results, Run, ScenarioResult } from './results.ts'
import { tableOf } from './rows.ts'
import { verdictsOf } from './verdicts.ts'

/** The page docs/benchmarks.md, all of it, from one run. */
export function benchmarksPage(results: Results): string {
  const groups: readonly [Group, string][] = [
    ['memory', 'In one process'],
    ['sqlite', 'On SQLite'],
    ['redis', 'On Redis'],
    ['postgres', 'On PostgreSQL'],
    ['kafka', 'Over Kafka'],
    ['nats', 'Over NATS JetStream'],
    ['rabbitmq', 'Over RabbitMQ'],
    ['projections', 'Read models'],
    ['footprint', 'Memory and start'],
  ]
  return `${[
    '# Benchmarks',
    `<!-- Written by \`npm run bench:docs\` from a run; edits are lost. -->`,
    `${measuredIn(results)} To measure again: \`npm run bench\`. Why some aims are missed: [where the time goes](explanation/where-the-time-goes.md).`,
    method(results),
    ...groups.flatMap(([group, title]) => {
      const scenarios = results.scenarios.filter((scenario) => scenario.group === group)
      return scenarios.length === 0 ? [] : [`## ${title}`, ...scenarios.flatMap(section), notes(scenarios)]
    }),
  ].join('\n\n')}\n`
}

function measuredIn({ startedAt, commit, changed, size }: Run): string {
  const at = commit === undefined ? '' : ` at ${commit}${changed ? ' with changes' : ''}`
  const how = size === 'full' ? '' : ` (a ${size} run: fewer events, wider spread)`
  return `Measured ${startedAt.slice(0, 10)}${at}${how}.`
}

function method({ machine, built }: Results): string {
  const { fsync } = machine
  return [
    '## How this was measured',
    '',
    `One machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.system}, ${machine.filesystem}; Node ${machine.node}, SQLite ${machine.sqlite}. A write of 4 KiB with fdatasync took ${fsync.p50} ms (p50) and ${fsync.p99} ms (p99) there; a disk that really turns, or a machine whose host does not flush, gives other figures. Load in the minute before: ${machine.load}.`,
    '',
    `- Every side runs in a process of its own${built ? ', on the built packages that users install' : ', on the sources'}, and all sides of a table live at the same time: one round of warm-up each, then their rounds alternate A B C, A B C, so that a slow moment of the machine falls on all of them.`,
    '- Counts are fixed and the clock stops at the last acknowledgement or the last handled event, whichever is later. Garbage is collected before each round, off the clock.',
    '- The event is an order of 400 bytes as a CloudEvent in JSON, made anew for each publish. Keys go round over 1,000 orders. Handlers are async functions that count; every side must have handled what it was given, or the run fails.',
    `- "In flight" means ${inFlight} callers that each await their publish; a batch is ${batchSize} events in one call.`,
    '- Figures are medians with the least and the most of all rounds. Ratios are taken round by round. CPU is the processor time of the whole process.',
    '- **Ratios count, absolute figures are those of this machine.** Differences below 1.5 are best read as a tie. Peers got one or two settings each; their best may be better. What a side leaves out is told below its table.',
  ].join('\n')
}

function section(scenario: ScenarioResult): string[] {
  const { head, rows } = tableOf(scenario)
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  const table = [
    row(head),
    `|${head.map((_, at) => (at === 0 ? ' --- |' : ' ---: |')).join('')}`,
    ...rows.map(row),
  ].join('\n')
  const verdicts = verdictsOf(scenario).map(
    ({ side, aim, reached, met }) =>
      `- ${met === undefined ? 'not measured' : met ? 'reached' : '**missed**'}: ${side}, ${aim}${reached === undefined ? '' : ` (${reached})`}`,
  )
  const missing = scenario.sides
    .filter((side) => side.missing !== undefined)
    .map((side) => `- ${side.label} did not run: ${side.missing}`)
  const aims = verdicts.length === 0 ? [] : [`What we aim at:\n\n${verdicts.join('\n')}`]
  const how = scenario.run === undefined ? scenario.how : `${scenario.how} ${measuredIn(scenario.run)}`
  return [`### ${scenario.title}`, how, table, ...aims, ...(missing.length === 0 ? [] : [missing.join('\n')])]
}

/** Each side once, however many tables it stands in. */
function notes(scenarios: readonly ScenarioResult[]): string {
  const known = new Map(scenarios.flatMap(({ sides }) => sides.map((side) => [side.label, side.notes] as const)))
  const lines = [...known]
    .filter(([, said]) => said.length > 0)
    .map(([label, said]) => `- **${label}**: ${said.join('; ')}.`)
  return lines.length === 0 ? '' : ['What each of them does, and does not:', '', ...lines].join('\n')
}
