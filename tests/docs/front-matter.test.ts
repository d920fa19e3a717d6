import { dirname } from 'node:path'

import { describe, expect, it } from 'vitest'

import { codeBlocks, frontMatter } from './markdown.ts'
import { found, read } from './pages.ts'

/** What a page is for, by its folder. One page is one of these, never two. */
const kinds: Readonly<Record<string, string>> = {
  'docs/tutorials': 'tutorial',
  'docs/how-to': 'how-to',
  'docs/reference': 'reference',
  'docs/explanation': 'explanation',
  'docs/decisions': 'decision',
}

describe('the pages of the docs', () => {
  it.each(found(['docs/*/*.md']))('%s says which kind of page it is, and has one title', (page) => {
    const text = read(page)
    expect(frontMatter(text)?.kind).toBe(kinds[dirname(page)])
    const inCode = new Set(
      codeBlocks(text).flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, at) => from + at)),
    )
    const titles = text.split('\n').filter((line, at) => line.startsWith('# ') && !inCode.has(at + 1))
    expect(titles).toHaveLength(1)
  })

  it('of decisions are numbered without gaps, and say what was decided and what follows', () => {
    const decisions = found(['docs/decisions/[0-9]*.md'])
    expect(decisions.map((page) => Number(/(\d{4})-[a-z0-9-]+\.md$/.exec(page)?.[1]))).toEqual(
      decisions.map((_, at) => at + 1),
    )
    for (const page of decisions) {
      for (const heading of ['What was asked', 'What was decided', 'What came of it'])
        expect(read(page), page).toMatch(new RegExp(`^## ${heading}$`, 'm'))
    }
  })
})
