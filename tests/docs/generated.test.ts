import { describe, expect, it } from 'vitest'

import { generate } from './generated.ts'
import { generatedParts } from './markdown.ts'
import { pages, read } from './pages.ts'

const parts = pages.flatMap((page) => generatedParts(read(page)).map((part) => ({ ...part, page })))

describe('generated parts of the docs', () => {
  it.each(parts)('$page: $says is as the code says (npm run docs writes it anew)', async ({ says, text }) => {
    expect(text).toBe(await generate(says))
  })
})
