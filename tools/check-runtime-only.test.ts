import { expect, test } from 'vitest'
import { checkRuntimeOnly, offences } from './check-runtime-only.ts'
import { problemsOf } from './planted.ts'

test.each([
  'Date.now()',
  'new Date()',
  'new Date',
  'Date()',
  'const clock = Date.now',
  'Math.random()',
  `Math['random']()`,
  'setTimeout(() => {}, 1)',
  'const timer = setInterval',
  'globalThis.setImmediate(() => {})',
  'performance.now()',
  'crypto.randomUUID()',
  'globalThis.crypto.randomUUID()',
  'AbortSignal.timeout(5)',
  'process.exit(1)',
  'process.env.HOME',
  'process?.env',
  'const settings = { process }',
  `import { setTimeout } from 'node:timers/promises'`,
  `import process from 'node:process'`,
  `import { randomUUID as id } from 'node:crypto'`,
  `import * as crypto from 'node:crypto'\ncrypto.randomUUID()`,
])('%s is refused', (text) => {
  expect(offences('a.ts', text).length).toBeGreaterThan(0)
})

test.each([
  'new Date(0)',
  'runtime.now()',
  'this.process(event)',
  'const handler = { process: 1, setTimeout() {} }',
  'function work(process: () => void) { process() }',
  `import { process } from './process-event.ts'\nprocess(1)`,
  'let timer: ReturnType<typeof setTimeout>',
  'interface Hooks { process: NodeJS.Process }',
  '// Date.now() is banned',
  `const text = 'Date.now()'`,
  `import type { Performance } from 'node:perf_hooks'`,
  `import { createHash } from 'node:crypto'`,
])('%s is fine', (text) => {
  expect(offences('a.ts', text)).toEqual([])
})

test('it looks at the given folders, leaves out tests and what is excepted, and says where', async () => {
  const files = {
    'architecture.json': {
      runtimeOnly: { in: ['src/'], except: { 'src/real.ts': 'the door', 'src/node/': 'the edge' } },
    },
    'src/a.ts': 'export const a = 1\nexport const now = Date.now()',
    'src/a.test.ts': 'Date.now()',
    'src/real.ts': 'Date.now()',
    'src/node/run.ts': 'process.exit()',
    'other/b.ts': 'Date.now()',
  }
  expect(await problemsOf(checkRuntimeOnly, files)).toEqual([`src/a.ts:2 Date.now: ask the kernel's runtime instead`])
})
