import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { measure } from './measure.ts'
import { installPeers } from './peers.ts'
import { chooseScenarios, groups } from './plan/choose-scenarios.ts'
import { benchmarksPage } from './report/markdown.ts'
import { type Results, withEarlier } from './report/results.ts'
import { printed } from './report/rows.ts'
import { topFunctions } from './report/top-functions.ts'

const usage = `npm run bench -- [${groups.join('|')}]… [--quick] [--only TEXT] [--side NAME]… [--publish]

  --quick          fewer events and rounds: minutes instead of a quarter of an hour
  --only TEXT      scenarios whose id holds TEXT, such as sqlite/full
  --side NAME      only these sides, such as --side tidings --side raw
  --rounds N       measured rounds
  --scale F        factor for the number of events, such as 0.1
  --no-peers       do not install or run peers
  --out FILE       where the results go; default bench/results/last.json
  --publish        keep the results as bench/results/published.json and write docs/benchmarks.md; what was not measured stays as it was
  --profile DIR    write processor profiles of all sides, and show where their time went`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    side: { type: 'string', multiple: true },
    rounds: { type: 'string' },
    scale: { type: 'string' },
    peers: { type: 'boolean', default: true },
    out: { type: 'string' },
    publish: { type: 'boolean', default: false },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(usage)
} else {
  const scenarios = chooseScenarios({ groups: positionals, only: values.only, sides: values.side, peers: values.peers })
  if (scenarios.some(({ sides }) => sides.some(({ peers }) => peers !== undefined)))
    installPeers((line) => console.error(line))
  const measured = await measure(scenarios, {
    size: values.quick ? 'quick' : 'full',
    ...(values.rounds === undefined ? {} : { rounds: positive(values.rounds, '--rounds') }),
    ...(values.scale === undefined ? {} : { scale: positive(values.scale, '--scale') }),
    ...(values.profile === undefined ? {} : { profileTo: resolve(values.profile) }),
    done: (result) => console.log(printed(result)),
  })
  if (values.profile !== undefined) console.log(topFunctions(resolve(values.profile)))
  const here = fileURLToPath(new URL('..', import.meta.url))
  const out = resolve(values.out ?? join(here, 'results', values.publish ? 'published.json' : 'last.json'))
  const results = values.publish && existsSync(out) ? withEarlier(measured, read(out)) : measured
  mkdirSync(dirname(out), { recursive: true })
  writeFileSync(out, `${JSON.stringify(results, null, 1)}\n`)
  console.error(`Results: ${out}`)
  if (values.publish) {
    const page = join(here, '..', 'docs', 'benchmarks.md')
    mkdirSync(dirname(page), { recursive: true })
    writeFileSync(page, benchmarksPage(results))
    console.error(`Page: ${page}`)
  }
}

function read(file: string): Results {
  return JSON.parse(readFileSync(file, 'utf8')) as Results
}

function positive(text: string, option: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`Expected ${option} to be a number above 0, got ${text}.`)
  return value
}
