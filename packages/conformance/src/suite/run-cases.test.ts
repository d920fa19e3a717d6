import { expect, test } from 'vitest'

import { type Case, choose } from './case.ts'
import { type Plan, registerCases, runCases } from './run-cases.ts'
import { brokenPromises } from './suite-result.ts'

type World = { readonly seed: number }

const cases: readonly Case<World>[] = [
  { promise: 'good', title: 'passes', run: async () => {} },
  { promise: 'bad', title: 'fails', run: () => Promise.reject(new Error('no')) },
  { promise: 'odd', title: 'rejects with no error', run: () => Promise.reject(JSON.parse('"text"') as Error) },
  { promise: 'hangs', title: 'never ends', run: () => new Promise(() => {}) },
]

function planOf(own: readonly Case<World>[]): Plan<World> {
  const topic = choose('sharing', 'host', true, own, [])
  return {
    port: 'store',
    backend: 'x',
    prepare: async () => ({ abilities: [topic.capability], topics: [topic] }),
    inWorld: ({ seed }, use) => use({ seed }),
  }
}

test('every case is run and answered, also those that fail oddly or never end', async () => {
  const result = await runCases(planOf(cases), { seed: 1, volumes: { deadline: 30 } })
  expect(brokenPromises(result)).toEqual(['bad', 'hangs', 'odd'])
  expect(result.cases.map((one) => one.error?.message)).toEqual([
    undefined,
    'no',
    'It rejected with text.',
    'The case did not end within 30 ms.',
  ])
})

test('a case has the same seed whichever cases run beside it, and another one in another run', async () => {
  const seedsOf = async (seed: number, before: readonly Case<World>[]): Promise<number[]> => {
    const seeds: number[] = []
    const noting: Case<World> = { promise: 'p', title: 't', run: async (world) => void seeds.push(world.seed) }
    await runCases(planOf([...before, noting]), { seed })
    return seeds
  }
  const [first] = await seedsOf(1, [])
  expect(await seedsOf(1, cases.slice(0, 1))).toEqual([first])
  expect(await seedsOf(2, [])).not.toEqual([first])
})

test('a test runner is given each case by its promise and title, round by round, and hears of failures', async () => {
  const titles: string[] = []
  const failures: string[] = []
  const running: (void | Promise<void>)[] = []
  const runner = {
    describe: (_: string, define: () => void | Promise<void>) => void running.push(define()),
    it: (title: string, run: () => Promise<void>) => {
      titles.push(title)
      running.push(run().catch((error: Error) => void failures.push(error.message)))
    },
    afterAll: () => {},
  }
  registerCases(planOf(cases.slice(0, 2)), runner, { seed: 1, volumes: { rounds: 2 } })
  for (let at = 0; at < running.length; at++) await running[at]
  expect(titles.toSorted()).toEqual(['[bad] fails', '[bad] fails', '[good] passes', '[good] passes'])
  expect(failures).toEqual(['no', 'no'])
})
