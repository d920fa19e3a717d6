import { describe, expect, it } from 'vitest'

import { runCrash } from '../crash-points.ts'

describe('8: a process that dies', async () => {
  const { commits, violation } = await runCrash(undefined)

  it('makes many commits in the story that is told here, and keeps every promise where it lives', () => {
    expect(violation).toBeUndefined()
    expect(commits).toBeGreaterThan(60)
  })

  for (const what of ['crash before', 'crash after'] as const) {
    it(`breaks no promise at any of its commits (${what})`, { timeout: 120_000 }, async () => {
      for (let commit = 0; commit < commits; commit++) {
        const result = await runCrash({ commit, what })
        expect({ what, commit, ...result.violation }).toEqual({ what, commit })
        expect(result.crashed).toBe(true)
      }
    })
  }
})
