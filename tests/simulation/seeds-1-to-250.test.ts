import { describe, expect, it } from 'vitest'

import { runSeeds } from './run-seeds.ts'
import { statesToReach } from './states.ts'

// Two files, so that two workers share the seeds.
describe('simulated worlds 1 to 250', () => {
  const reached = new Set<string>()

  for (let from = 1; from < 250; from += 25) {
    it(`keep every promise (seeds ${from} to ${from + 24})`, { timeout: 120_000 }, async () => {
      for (const state of await runSeeds(from, from + 24)) reached.add(state)
    })
  }

  it('have been in most states that could tempt them', () => {
    // Which of the rare ones a few hundred worlds reach shifts with every change of the engine; the command asks for all of them.
    const missed = statesToReach.filter((state) => !reached.has(state))
    console.log(`states not reached by these seeds: ${missed.join(', ') || 'none'}`)
    expect(missed.length).toBeLessThan(statesToReach.length / 4)
  })
})
