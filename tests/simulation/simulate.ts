import { parseArgs } from 'node:util'

import { huntMutant } from './mutants/hunt-mutant.ts'
import { mutants } from './mutants/mutants.ts'
import { progressBar } from './progress-bar.ts'
import { runSeed } from './run-seed.ts'
import { statesToReach } from './states.ts'

const usage = `npm run simulate --                       100 seeds
npm run simulate -- --seeds 5000 [--from 1]  many seeds
npm run simulate -- --seed 17 [--trace]      one seed, with everything that happened
npm run simulate -- --mutants [--seeds 300]  breaks the library on purpose and tells which seed notices
npm run simulate -- --mutants --quick        those that a few seeds notice
npm run simulate -- --mutant no-fence        the same with one mistake`

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string' },
    trace: { type: 'boolean' },
    mutants: { type: 'boolean' },
    mutant: { type: 'string' },
    quick: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
})

if (values.help === true) console.log(usage)
else if (values.seed !== undefined) await one(whole(values.seed, 'seed'), values.trace === true)
else if (values.mutants === true || values.mutant !== undefined)
  await hunt(
    whole(values.seeds ?? (values.quick === true ? '20' : '300'), 'seeds'),
    values.mutant,
    values.quick === true,
  )
else await many(whole(values.from ?? '1', 'from'), whole(values.seeds ?? '100', 'seeds'))

async function one(seed: number, keepTrace: boolean): Promise<void> {
  const { trace, violation, traceHash, took, events, reached } = await runSeed(seed, { keepTrace })
  for (const line of trace ?? []) process.stdout.write(line)
  console.log(`seed ${seed}: ${events} events in ${took} virtual ms, trace ${traceHash}`)
  for (const state of [...reached].toSorted()) console.log(`  reached: ${state}`)
  console.log(
    violation === undefined
      ? 'every promise was kept'
      : `invariant ${violation.invariant} broken at ${violation.at} ms: ${violation.message}`,
  )
  process.exitCode = violation === undefined ? 0 : 1
}

async function many(from: number, count: number): Promise<void> {
  const bar = progressBar(count)
  const began = performance.now()
  const reached = new Set<string>()
  let failed = 0
  for (let seed = from; seed < from + count; seed++) {
    const { violation, reached: states } = await runSeed(seed)
    for (const state of states) reached.add(state)
    if (violation !== undefined) {
      failed++
      bar.end()
      console.log(`seed ${seed}: invariant ${violation.invariant} broken at ${violation.at} ms: ${violation.message}`)
    }
    bar.at(seed - from + 1, `${failed} failed,`)
  }
  bar.end()
  const each = ((performance.now() - began) / count).toFixed(0)
  const missed = statesToReach.filter((state) => !reached.has(state))
  console.log(`${count - failed} of ${count} seeds passed, ${each} ms a seed`)
  for (const state of missed) console.log(`never reached: ${state}`)
  process.exitCode = failed > 0 || (count >= 1_000 && missed.length > 0) ? 1 : 0
}

async function hunt(most: number, only: string | undefined, quick: boolean): Promise<void> {
  const chosen = mutants.filter(({ name, rare }) => (only === undefined || name === only) && !(quick && rare === true))
  if (chosen.length === 0)
    throw new Error(`There is no mutant ${only}; there are ${mutants.map(({ name }) => name).join(', ')}.`)
  const bar = progressBar(chosen.length)
  console.log('| mutant | what is wrong | caught by seed | invariant |\n| --- | --- | --- | --- |')
  for (const [at, mutant] of chosen.entries()) {
    bar.at(at, mutant.name)
    const { seed, violation } = await huntMutant(mutant, most)
    bar.end()
    console.log(
      `| ${mutant.name} | ${mutant.mistake} | ${seed ?? `none of ${most}`} | ${violation === undefined ? '' : `${violation.invariant}: ${violation.message}`} |`,
    )
    if (seed === undefined) process.exitCode = 1
  }
  bar.end()
}

function whole(text: string, name: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new Error(`Expected --${name} to be a whole number, got ${text}.`)
}
