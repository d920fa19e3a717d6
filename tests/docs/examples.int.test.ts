import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { found, read, root } from './pages.ts'
import { runProgram } from './run-program.ts'

/** What `expect.json` of an example says: the programs to run, one after another, in one empty folder. */
interface Run {
  readonly program: string
  readonly args?: readonly string[]
  /** Patterns that its output must match, in this order. */
  readonly says: readonly string[]
  /** A program that runs until it is told to end: it is sent SIGTERM once it has said everything, and must end with 0. */
  readonly service?: boolean
  /** Default 0. */
  readonly exit?: number
}

const made: string[] = []
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true })
})

const examples = found(['examples/*/expect.json'])

describe('the examples', () => {
  it('say what they are expected to say, each of them', () => {
    const folders = new Set(found(['examples/*/*.ts']).map((file) => dirname(file)))
    expect(examples.map((file) => dirname(file))).toEqual([...folders].sort())
  })

  for (const example of examples) {
    const { runs } = JSON.parse(read(example)) as { runs: readonly Run[] }
    it(`${dirname(example)} runs`, async () => {
      // An example that is a test is run with all tests.
      if (runs.length === 0) expect(found([`${dirname(example)}/*.test.ts`])).not.toEqual([])
      const folder = mkdtempSync(join(tmpdir(), 'tidings-example-'))
      made.push(folder)
      for (const run of runs) await tryOut(run, join(root, dirname(example)), folder)
    })
  }
})

async function tryOut(
  { program, args = [], says, service = false, exit = 0 }: Run,
  from: string,
  cwd: string,
): Promise<void> {
  const running = runProgram(join(from, program), args, cwd)
  try {
    // In order: each pattern is looked for behind the one before it.
    for (let at = 1; at <= says.length; at++) await running.says(new RegExp(says.slice(0, at).join('[\\s\\S]*?')))
    if (service) running.child.kill('SIGTERM')
    expect(await running.ended, running.output()).toBe(exit)
  } finally {
    running.child.kill('SIGKILL')
  }
}
