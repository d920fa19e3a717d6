import { bundle } from './bundle.ts'
import { checkArchitecture } from './check-architecture.ts'
import { checkLockFile } from './check-lockfile.ts'
import { checkMachinePaths } from './check-machine-paths.ts'
import { checkPackages } from './check-packages.ts'
import { checkRuntimeOnly } from './check-runtime-only.ts'
import { checkSizes } from './check-sizes.ts'
import type { Check } from './report.ts'
import { requireNode } from './require-node.ts'
import { type Command, runCommand } from './run-command.ts'

const root = process.cwd()
/** Lines of one refusal. The first ones are enough to start with. */
const shown = 100

function command(name: string, ...line: Command): Check {
  return {
    name,
    async run() {
      const { ok, output } = await runCommand(line, root)
      return { problems: ok ? [] : [output || `${line[0]} failed and said nothing`], warnings: [] }
    },
  }
}

/** One line for each check, with its time; the details of those that refuse. */
async function run(check: Check): Promise<boolean> {
  const started = performance.now()
  const { problems, warnings } = await Promise.resolve(check.run(root)).catch((error: unknown) => ({
    problems: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
    warnings: [],
  }))
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(5)
  const lines = [`${problems.length === 0 ? 'ok     ' : 'refused'} ${seconds} s  ${check.name}`]
  for (const warning of warnings) lines.push(`  warning: ${warning}`)
  const details = problems.flatMap((problem) => problem.split('\n'))
  for (const detail of details.slice(0, shown)) lines.push(`  ${detail}`)
  if (details.length > shown) lines.push(`  … and ${details.length - shown} lines more`)
  console.log(lines.join('\n'))
  return problems.length === 0
}

requireNode()
const own = [checkArchitecture, checkSizes, checkRuntimeOnly, checkLockFile, checkMachinePaths]
const quick = [
  command(
    'format and import order (biome; npm run format)',
    'biome',
    'check',
    '--error-on-warnings',
    '--reporter=summary',
    '.',
  ),
  command('lint (oxlint)', 'oxlint', '--type-aware', '--deny-warnings'),
  command('unused code (knip)', 'knip', '--no-progress'),
]
const built = async (): Promise<boolean[]> => [
  await run(command('types and build (tsc)', 'tsc', '-b')),
  await run(bundle),
  await run(checkPackages),
]
const inTurn = async (checks: readonly Check[]): Promise<boolean[]> => {
  const results: boolean[] = []
  for (const check of checks) results.push(await run(check))
  return results
}

const started = performance.now()
const results = await Promise.all([built(), inTurn([...own, ...quick])])
const refused = results.flat().filter((ok) => !ok).length
const seconds = ((performance.now() - started) / 1000).toFixed(1)
console.log(
  refused === 0
    ? `All checks passed in ${seconds} s.`
    : `${refused} of ${results.flat().length} checks refused, in ${seconds} s.`,
)
if (refused > 0) process.exitCode = 1
