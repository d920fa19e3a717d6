import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import { benchmarksPage } from './report/markdown.ts'
import type { Results } from './report/results.ts'

/** `npm run bench:docs -- [FILE]`: writes docs/benchmarks.md from the results of a run. */
const here = fileURLToPath(new URL('..', import.meta.url))
const from = resolve(process.argv[2] ?? join(here, 'results', 'published.json'))
const page = join(here, '..', 'docs', 'benchmarks.md')
mkdirSync(dirname(page), { recursive: true })
writeFileSync(page, benchmarksPage(JSON.parse(readFileSync(from, 'utf8')) as Results))
console.log(`Page: ${page}`)
