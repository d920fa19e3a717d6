import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import type { EventRecord } from '../events/record.ts'
import { recordOf } from '../events/record-codec.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { prepare } from '../prepare/prepare.ts'
import { memoryStore } from './memory/memory-store.ts'
import { recentCommits } from './recent-commits.ts'
import type { LogQuery, Page, Store } from './store.ts'

const runtime = virtualRuntime()

function record(type: string, key: string): EventRecord {
  const event = prepare(
    defineEvent(type, { key: () => key }).create({ key }),
    {},
    { runtime, source: '/app', validate: true },
  )
  return recordOf(event as never)
}

async function all(store: Store, query: LogQuery): Promise<readonly number[]> {
  const positions: number[] = []
  for (let after = query.after; ; ) {
    const page: Page = await store.readAll({ ...query, after })
    positions.push(...page.events.map(({ position }) => position))
    if (page.through <= after) return positions
    after = page.through
  }
}

describe('recent commits', () => {
  it('reads as the store itself reads, whoever has written in between', async () => {
    const step = fc.record({ by: fc.constantFrom('us', 'others'), count: fc.integer({ min: 1, max: 5 }) })
    const question = fc.record({
      after: fc.nat(40),
      limit: fc.integer({ min: 1, max: 7 }),
      partitions: fc.option(fc.uniqueArray(fc.nat(3)), { nil: undefined }),
      types: fc.option(fc.constant(['a.done']), { nil: undefined }),
      upTo: fc.option(fc.nat(50), { nil: undefined }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        fc.array(question, { maxLength: 6 }),
        async (steps, questions) => {
          const plain = memoryStore({ partitions: 4 })
          const recent = recentCommits(plain, 8)
          for (const { by, count } of steps) {
            const append = Array.from({ length: count }, (_, at) =>
              record(at % 2 === 0 ? 'a.done' : 'b.done', `k-${at}`),
            )
            await (by === 'us' ? recent : plain).commit([{ append }])
          }
          for (const { after, limit, ...rest } of questions) {
            const query = {
              after,
              limit,
              ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
            } as LogQuery
            expect(await all(recent, query)).toEqual(await all(plain, query))
          }
        },
      ),
    )
  })

  it('hands out the very events that were committed', async () => {
    const store = recentCommits(memoryStore())
    const ours = record('a.done', 'k')
    await store.commit([{ append: [ours] }])
    const { events } = await store.readAll({ after: 0, limit: 10 })
    expect(events[0]?.record).toBe(ours)
  })
})
