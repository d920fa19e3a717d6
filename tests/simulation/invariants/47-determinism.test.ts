import { describe, expect, it } from 'vitest'

import { runSeed } from '../run-seed.ts'

describe('47: a seed', () => {
  it('makes the same world every time, and another seed another one', { timeout: 60_000 }, async () => {
    const hashes: string[] = []
    for (const seed of [3, 4, 3, 4, 11, 11]) hashes.push((await runSeed(seed)).traceHash)
    const [three, four, threeAgain, fourAgain, eleven, elevenAgain] = hashes
    expect([threeAgain, fourAgain, elevenAgain]).toEqual([three, four, eleven])
    expect(new Set(hashes).size).toBe(3)
  })
})
