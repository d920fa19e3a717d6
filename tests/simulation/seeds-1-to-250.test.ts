import { describe, expect, it } from 'vitest'

import { runSeeds } from './run-seeds.ts'
import { commonStates } from './states.ts'

// Two files, so that two workers share the seeds.
describe('simulated worlds 1 to 250', () => {
  const reached = new Set<string>()

  for (let from = 1; from < 250; from += 25) {
    it(`keep every promise (seeds ${from} to ${from + 24})`, { timeout: 120_000 }, async () => {
      for (const state of await runSeeds(from, from + 24)) reached.add(state)
    })
  }

  it('have been in every state that could tempt them', () => {
    // Rarer ones shift from seed to seed with every change of the engine; the command asks for those of a thousand seeds.
    expect(commonStates.filter((state) => !reached.has(state))).toEqual([])
  })
})
