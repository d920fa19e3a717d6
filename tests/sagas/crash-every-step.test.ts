import { crashEverywhere } from 'tidings/testing'
import { describe, expect, it } from 'vitest'

import { crashStories, Receiver } from './crash-stories.ts'
import { inMemory } from './stores.ts'

describe('a saga in memory, wherever a process dies or an answer is lost', () => {
  it.each(Object.entries(crashStories))('%s', { timeout: 60_000 }, async (_name, story) => {
    const { struck } = await crashEverywhere({ ...story, store: inMemory, story: () => new Receiver() })
    // A kind that struck nowhere would have shown nothing.
    for (const [kind, count] of Object.entries(struck)) expect(count, kind).toBeGreaterThan(4)
  })
})
