import { expect, test } from 'vitest'
import { checkMachinePaths } from './check-machine-paths.ts'
import { problemsOf } from './planted.ts'

// Joined, so that this file itself names no folder.
const inside = (...parts: string[]): string => parts.join('/')

test.each([
  inside('', 'home', 'ann', 'tidings'),
  inside('', 'Users', 'ann'),
  inside('', 'root', 'tidings'),
  inside('', 'work', 'main', 'a.ts'),
  inside('file://', 'home', 'ann', 'a.ts'),
  ['C:', 'Users', 'ann'].join('\\'),
])('%s is refused wherever it stands', async (path) => {
  for (const text of [path, `see ${path}.`, `"${path}"`, `(\`${path}\`)`, `cd=${path}`]) {
    expect(await problemsOf(checkMachinePaths, { 'notes.md': `one\n${text}` })).toEqual([
      expect.stringMatching(/^notes\.md:2 /),
    ])
  }
})

test('paths that every machine has, and those of URLs, are fine', async () => {
  const text = [
    '/tmp/x',
    '/etc/hosts',
    '/usr/bin/env',
    'https://example.org/home/page',
    './home/main',
    '/homes/x',
    '${root}/home/x',
  ].join('\n')
  expect(await problemsOf(checkMachinePaths, { 'notes.md': text })).toEqual([])
})
