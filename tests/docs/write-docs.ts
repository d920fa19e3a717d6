import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { withFreshParts } from './generated.ts'
import { pages, read, root } from './pages.ts'
import { withFreshSnippets } from './snippets.ts'

/** Cuts every snippet anew and writes every generated part: `npm run docs`. */
for (const page of pages) {
  const text = read(page)
  const fresh = await withFreshParts(withFreshSnippets(text))
  if (fresh === text) continue
  writeFileSync(join(root, page), fresh)
  process.stdout.write(`${page}\n`)
}
