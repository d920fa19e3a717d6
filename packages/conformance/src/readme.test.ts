import { readFileSync } from 'node:fs'

import { expect, test } from 'vitest'

test('the example in the README is a test that runs', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1]
  expect(example).toBe(readFileSync(new URL('memory.int.test.ts', import.meta.url), 'utf8'))
})
