import { expect, it } from 'vitest'

import { sleep } from '../kernel/runtime.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import type { Carrier } from './carry-on.ts'
import { compareGenerations } from './compare-generations.ts'
import type { Level } from './hold.ts'
import { whileExtending } from './while-extending.ts'

/** Two generations of one version with two tables each, on a server that needs six seconds for each. `extend` is called where the hold is. */
function slow(extend: () => Promise<void>) {
  const runtime = virtualRuntime({ seed: 1 })
  const query = async () => {
    await sleep(runtime, 6_000)
    return [{ n: 1, h: 'equal' }]
  }
  const store = { capabilities: { sql: 'postgres', partitions: 1 }, query, begin() {} }
  const generation = (number: number) => ({ number, version: 1, tables: ['a', 'b'], collections: [] })
  const carrier = { store, settings: { name: 'p' }, runtime, log: () => {} }
  const level = { next: generation(2), live: generation(1), at: 1, extend }
  return { runtime, comparing: compareGenerations(carrier as unknown as Carrier, level as unknown as Level) }
}

it('lets feeders wait for as long as a comparison goes on, however long the server is silent, and no longer', async () => {
  const extended: number[] = []
  const { runtime, comparing } = slow(async () => void extended.push(runtime.monotonic()))
  const begun = runtime.monotonic()
  await runtime.advance(24_000)
  expect(await comparing).toMatchObject({ verdict: 'equal' })
  expect(extended.map((at) => at - begun)).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22].map((s) => s * 1_000))
  await runtime.advance(10_000)
  expect(extended).toHaveLength(11)
})

it('goes on where the hold could not be extended once, and answers only when nothing of it is under way', async () => {
  let calls = 0
  let under = 0
  const { runtime, comparing } = slow(async () => {
    under++
    await sleep(runtime, 3_000)
    under--
    if (++calls === 1) throw new Error('The store is away')
  })
  let answered: number | undefined
  void comparing.then(() => (answered = under))
  await runtime.advance(24_000)
  expect(answered).toBeUndefined()
  await runtime.advance(3_000)
  expect(answered).toBe(0)
  expect(calls).toBeGreaterThan(3)
})

it('does not wait for good', async () => {
  const runtime = virtualRuntime({ seed: 1 })
  let extended = 0
  void whileExtending(runtime, { extend: async () => void extended++ }, () => new Promise(() => {}))
  await runtime.advance(7_200_000)
  expect(extended).toBe(1_800)
  expect(runtime.pending).toBe(0)
})
