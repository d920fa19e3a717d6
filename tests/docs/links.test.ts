import { existsSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

import { describe, expect, it } from 'vitest'

import { anchors, links } from './markdown.ts'
import { everything, found, read, root } from './pages.ts'

describe('links', () => {
  it.each(everything)('of %s lead somewhere', (page) => {
    const dead = links(read(page)).flatMap(({ target, line }) => {
      const why = whyDead(page, target)
      return why === undefined ? [] : [`line ${line}: ${target}: ${why}`]
    })
    expect(dead).toEqual([])
  })

  it('lead to every page of the docs', () => {
    const reached = new Set<string>()
    const walk = (page: string): void => {
      if (reached.has(page)) return
      reached.add(page)
      for (const { target } of links(read(page))) {
        const path = normalize(join(dirname(page), target.split('#')[0] as string))
        if (path.endsWith('.md') && existsSync(join(root, path))) walk(path)
      }
    }
    walk('README.md')
    expect(found(['docs/**/*.md']).filter((page) => !reached.has(page))).toEqual([])
  })
})

function whyDead(page: string, target: string): string | undefined {
  if (/^(https?|mailto):/.test(target)) return target.startsWith('http:') ? 'write https' : undefined
  const [path = '', anchor] = target.split('#')
  const to = path === '' ? page : normalize(join(dirname(page), path))
  if (to.startsWith('..')) return 'leaves the repository'
  if (!existsSync(join(root, to))) return 'there is no such file'
  if (anchor === undefined || anchor === '') return undefined
  if (statSync(join(root, to)).isDirectory() || !to.endsWith('.md')) return 'only pages have anchors'
  return anchors(read(to)).has(anchor) ? undefined : 'there is no such anchor'
}
