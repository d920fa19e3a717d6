import { parseArgs } from 'node:util'

import { runSeed } from './run-seed.ts'

const { values } = parseArgs({ options: { seed: { type: 'string' }, seeds: { type: 'string' }, from: { type: 'string' }, trace: { type: 'boolean' } } })

if (values.seed !== undefined) {
  const result = await runSeed(Number(values.seed), { keepTrace: true })
  if (values.trace === true) process.stdout.write((result.trace ?? []).join(''))
  const { trace: _trace, reached, ...rest } = result
  console.log(rest, [...reached].toSorted())
  process.exitCode = result.violation === undefined ? 0 : 1
} else {
  const from = Number(values.from ?? 1)
  const count = Number(values.seeds ?? 100)
  const reached = new Set<string>()
  const began = performance.now()
  let failed = 0
  for (let seed = from; seed < from + count; seed++) {
    const result = await runSeed(seed)
    for (const state of result.reached) reached.add(state)
    if (result.violation !== undefined) {
      failed++
      console.log(`seed ${seed}: invariant ${result.violation.invariant} at ${result.violation.at} ms: ${result.violation.message}`)
    }
  }
  console.log(`${count - failed} of ${count} seeds passed, ${((performance.now() - began) / count).toFixed(1)} ms a seed`)
  console.log([...reached].toSorted())
}
