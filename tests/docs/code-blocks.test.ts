import { describe, expect, it } from 'vitest'

import { codeBlocks } from './markdown.ts'
import { pages, read } from './pages.ts'
import { shellMistakes } from './shell-lines.ts'
import { emptyMarkers, staleSnippets } from './snippets.ts'

/** Blocks of these languages are programs, and come from a file that runs. */
const programs = new Set(['ts', 'tsx', 'typescript', 'js', 'javascript', 'mjs', 'sql'])
/** Blocks of these are shown, not run: output, pictures, data. */
const shown = new Set(['text', 'mermaid', 'json', 'yaml', 'diff', 'http'])
const shell = new Set(['sh', 'bash', 'shell', 'console'])

/** Where `npx` finds the command, or is warned of. Outside a checkout it would run whatever a registry holds under the name of our library. */
const inCheckout = new Set(['README.md', 'apps/cli/README.md', 'docs/reference/cli.md'])

describe.each(pages.filter((page) => !inCheckout.has(page)))('%s', (page) => {
  it('calls the command by its own name, for its reader may be anywhere', () => {
    expect(read(page)).not.toContain('npx tidings')
  })
})

describe.each(pages)('%s', (page) => {
  const blocks = codeBlocks(read(page))

  it('cuts its programs from files that run, word for word (npm run docs writes them anew)', () => {
    expect(staleSnippets(page)).toEqual([])
    expect(emptyMarkers(page)).toEqual([])
    const homeless = blocks.filter(
      ({ language, marker }) => programs.has(language) && marker?.startsWith('snippet: ') !== true,
    )
    expect(
      homeless.map(({ from, language }) => `line ${from}: ${language} without <!-- snippet: file#region -->`),
    ).toEqual([])
  })

  it('names the language of every block', () => {
    const strange = blocks.filter(
      ({ language }) => !programs.has(language) && !shown.has(language) && !shell.has(language),
    )
    expect(strange.map(({ from, language }) => `line ${from}: '${language}'`)).toEqual([])
  })

  it('gives commands that exist', async () => {
    const mistakes: string[] = []
    for (const { language, marker, text, from } of blocks) {
      if (shell.has(language) && marker === undefined)
        mistakes.push(...(await shellMistakes(text)).map((mistake) => `line ${from}: ${mistake}`))
    }
    expect(mistakes).toEqual([])
  })
})
