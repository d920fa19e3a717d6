import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The root of the repository. */
export const root: string = join(import.meta.dirname, '../..')

/** Pages whose code blocks must come from somewhere that runs. */
export const pages: readonly string[] = found([
  'README.md',
  'docs/**/*.md',
  'examples/**/*.md',
  'packages/*/README.md',
  'adapters/*/README.md',
  'apps/*/README.md',
])

/** Everything in Markdown: links are followed in all of it. */
export const everything: readonly string[] = [...pages, ...found(['*.md'])].filter(
  (page, at, all) => all.indexOf(page) === at,
)

export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

export function found(patterns: readonly string[]): string[] {
  return globSync([...patterns], { cwd: root, exclude: (path) => /(^|\/)(node_modules|dist)(\/|$)/.test(path) })
    .map((path) => path.replaceAll('\\', '/'))
    .sort()
}
