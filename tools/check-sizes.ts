import { basename, dirname } from 'node:path'
import { isTest, projectFiles, readJson, readText } from './project-files.ts'
import { type Check, type Report, runAlone } from './report.ts'

interface Sizes {
  explainAbove: number
  refuseAbove: number
  refuseTestsAbove: number
  /** Path of a file that may be longer, and why. */
  exceptions: Record<string, string>
}

const code = /\.(ts|tsx|mts|js|mjs|sql|lua|css)$/
/** Words that say nothing about what is inside. */
const empty = /^(utils?|helpers?|common|misc|managers?|types)$/
const emptyEnding = /-(utils?|helpers?|misc|manager)$/
const kebab = /^[a-z0-9]+(?:[-.][a-z0-9]+)*$/

/** Files of a size one can read at once, named for what they hold. */
export const checkSizes: Check = {
  name: 'sizes and names',
  run(root): Report {
    const { sizes } = readJson<{ sizes: Sizes }>(root, 'architecture.json')
    const report: Report = { problems: [], warnings: [] }
    const files = projectFiles(root, code)
    for (const file of files) {
      report.problems.push(...badNames(file))
      weigh(file, linesOf(readText(root, file)), sizes, report)
    }
    for (const [file, why] of Object.entries(sizes.exceptions)) {
      if (!files.includes(file)) report.problems.push(`architecture.json: size exception for ${file}, which is gone`)
      if (why.trim().length < 20) report.problems.push(`architecture.json: say why ${file} may be long`)
    }
    return report
  },
}

function weigh(file: string, lines: number, sizes: Sizes, { problems, warnings }: Report): void {
  const excepted = file in sizes.exceptions
  const limit = isTest(file) ? sizes.refuseTestsAbove : sizes.refuseAbove
  if (excepted && lines <= sizes.explainAbove) {
    problems.push(`architecture.json: ${file} has ${lines} lines and needs no size exception any more`)
  } else if (!excepted && lines > limit) {
    problems.push(`${file}: ${lines} lines, ${limit} is the limit; split it, or justify it in architecture.json`)
  } else if (!excepted && lines > sizes.explainAbove && !isTest(file)) {
    warnings.push(`${file}: ${lines} lines, more than ${sizes.explainAbove}: is it one idea?`)
  }
}

function badNames(file: string): string[] {
  const stem = basename(file).replace(/\..*$/, '')
  // Users of the class style look for the words they know.
  const classStyle = file.startsWith('packages/tidings/src/classes/')
  const words = [...dirname(file).split('/'), stem]
  const bad = words.find((word) => empty.test(word) || (emptyEnding.test(word) && !classStyle))
  if (bad) return [`${file}: '${bad}' says nothing; name it for what it holds`]
  return kebab.test(basename(file)) ? [] : [`${file}: file names are kebab-case`]
}

function linesOf(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
}

if (import.meta.main) await runAlone(checkSizes)
