import { basename } from 'node:path'

import { describe, expect, it } from 'vitest'

import { codeBlocks } from './markdown.ts'
import { found, read } from './pages.ts'

/** Tutorials begin with an empty folder: what they do not say, their reader does not have. */
const shown = found(['docs/tutorials/*.md']).flatMap((page) =>
  codeBlocks(read(page))
    .filter(({ marker }) => /^snippet: .*\.test\.ts#/.test(marker ?? ''))
    .map(({ marker = '', text }) => ({ page, file: basename(marker.replace(/#.*$/, '')), text })),
)

describe('a test that a tutorial shows', () => {
  it('is there', () => {
    expect(shown.length).toBeGreaterThan(1)
  })

  it.each(shown)(
    '$file of $page is a whole program, and is run by the command that stands there',
    ({ page, file, text }) => {
      const whole = read(page)
      expect(text).toMatch(/^import /)
      expect(whole).toContain(`Create \`${file}\``)
      const commands = codeBlocks(whole)
        .filter(({ language }) => language === 'sh')
        .map((block) => block.text.trim())
      expect(commands).toContain(`npm install --save-dev vitest\nnpx vitest run ${file}`)
    },
  )
})
