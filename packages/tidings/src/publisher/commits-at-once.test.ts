import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import type { EventRecord } from '../events/record.ts'
import { recordOf } from '../events/record-codec.ts'
import { realRuntime } from '../kernel/real-runtime.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { prepare } from '../prepare/prepare.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { CommitResult, Store, Unit } from '../store/store.ts'
import { Committer } from './committer.ts'

const runtime = virtualRuntime()

function record(key: string): EventRecord {
  const event = prepare(
    defineEvent('thing.done', { key: () => key }).create({ key }),
    {},
    { runtime, source: '/app', validate: true },
  )
  return recordOf(event as never)
}

const append = (key: string): Unit => ({ append: [record(key)] })
const keyOf = ({ append: [first] = [] }: Unit): string => first?.key ?? ''

/** A store whose commits end when they are told to, the way a server's do that is far away. */
function farStore(): { readonly store: Store; readonly flying: Flying[] } {
  const memory = memoryStore()
  const flying: Flying[] = []
  const store: Store = {
    ...memory,
    capabilities: { ...memory.capabilities, commitsAtOnce: 2 },
    commit: (units) =>
      new Promise((resolve, reject) => {
        flying.push({
          units,
          end: () => void memory.commit(units).then(resolve, reject),
          fail: () => reject(new Error('away')),
        })
      }),
  }
  return { store, flying }
}

interface Flying {
  readonly units: readonly Unit[]
  end(): void
  fail(): void
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function turns(): Promise<void> {
  for (let at = 0; at < 4; at++) await turn()
}

describe('commits at once', () => {
  it('shares many units, and brings new ones while others are under way', async () => {
    const { store, flying } = farStore()
    const committer = new Committer(store, realRuntime())
    const done = Array.from({ length: 100 }, (_, at) => committer.commit(append(`k-${at}`)))
    await turns()
    expect(flying.map(({ units }) => units.length)).toEqual([50, 50])
    done.push(committer.commit(append('k-100')))
    await turns()
    // Two are under way, and no third one joins them.
    expect(flying).toHaveLength(2)
    flying[0]?.end()
    await turns()
    expect(flying.map(({ units }) => units.length)).toEqual([50, 50, 1])
    const idle = committer.idle()
    for (const one of flying) one.end()
    await idle
    expect(committer.busy).toBe(false)
    expect((await Promise.all(done)).map(({ status }) => status)).toEqual(done.map(() => 'committed'))
  })

  it('keeps few units together', async () => {
    const { store, flying } = farStore()
    const committer = new Committer(store, realRuntime())
    void committer.commit(append('a'))
    await turns()
    expect(flying).toHaveLength(1)
    for (let at = 0; at < 20; at++) void committer.commit(append(`b-${at}`))
    await turns()
    expect(flying.map(({ units }) => units.length)).toEqual([1, 20])
  })

  it.each([
    ['a stream', append('same'), append('same')],
    [
      'a document',
      { documents: [{ collection: 'c', id: 'd', put: '1' }] },
      { expect: [{ collection: 'c', id: 'd', version: 1 }] },
    ],
    ['SQL', { statements: [{ text: ['one'], values: [] }] }, { statements: [{ text: ['other'], values: [] }] }],
  ] as readonly [string, Unit, Unit][])('lets units that touch %s follow each other', async (_, first, second) => {
    const { store, flying } = farStore()
    const committer = new Committer(store, realRuntime())
    const settle = (one: Promise<CommitResult>): Promise<unknown> => one.catch(() => {})
    const done = [settle(committer.commit(first))]
    await turns()
    done.push(settle(committer.commit(second)), settle(committer.commit(append('other'))))
    await turns()
    expect(flying.map(({ units }) => units)).toEqual([
      [first],
      [expect.objectContaining({ append: expect.anything() as unknown })],
    ])
    expect(keyOf(flying[1]?.units[0] as Unit)).toBe('other')
    flying[0]?.fail()
    await turns()
    expect(flying[2]?.units).toEqual([second])
    for (const one of flying) one.end()
    await Promise.all(done)
  })

  it('keeps the order of every stream, however commits end', async () => {
    const step = fc.oneof(
      fc.record({ publish: fc.array(fc.nat(6), { minLength: 1, maxLength: 80 }) }),
      fc.record({ end: fc.nat(1) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { store, flying } = farStore()
        const committer = new Committer(store, realRuntime())
        const published = new Map<string, string[]>()
        const under: Flying[] = []
        let seen = 0
        const look = async (): Promise<void> => {
          await turns()
          for (; seen < flying.length; seen++) under.push(flying[seen] as Flying)
          expect(under.length).toBeLessThanOrEqual(2)
          const [first = new Set<string>(), second = []] = [new Set(under[0]?.units.map(keyOf)), under[1]?.units]
          expect(second.filter((unit) => first.has(keyOf(unit)))).toEqual([])
        }
        const done: Promise<unknown>[] = []
        for (const one of steps) {
          if ('publish' in one) {
            for (const key of one.publish) {
              const unit = append(`k-${key}`)
              published.set(keyOf(unit), [...(published.get(keyOf(unit)) ?? []), unit.append?.[0]?.id as string])
              done.push(committer.commit(unit))
            }
          } else under.splice(Math.min(one.end, under.length - 1), 1)[0]?.end()
          await look()
        }
        while (committer.busy) {
          under.shift()?.end()
          await look()
        }
        await Promise.all(done)
        for (const [key, ids] of published) {
          const stored = await store.readStream({ tenant: '', category: 'thing', key })
          expect(stored.map(({ record: { id } }) => id)).toEqual(ids)
        }
      }),
      { numRuns: 60 },
    )
  })
})
