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

  it.each([1, 10, 100])('leaves nothing behind that could not leave beside it: %i streams', async (streams) => {
    const { store, flying } = farStore()
    const committer = new Committer(store, realRuntime())
    for (let at = 0; at < 256; at++) void committer.commit(append(`k-${at % streams}`))
    await turns()
    expect(flying.map(({ units }) => units.length)).toEqual([256])
  })

  it('lets nothing that is shared out overtake one of its streams that stays', async () => {
    const { store, flying } = farStore()
    const committer = new Committer(store, realRuntime())
    for (let at = 0; at < 40; at++) void committer.commit(append(`leaves-${at}`))
    for (let at = 0; at < 38; at++) void committer.commit(append(`stays-${at}`))
    void committer.commit({ append: [record('leaves-0'), record('stays-0')] })
    void committer.commit(append('leaves-0'))
    await turns()
    // The last one would overtake the one before it, which must not overtake the first that stays.
    expect(flying.map(({ units }) => units.length)).toEqual([40, 38])
  })

  it('looks at what waits behind a commit once, not in every turn', async () => {
    const { store, flying } = farStore()
    const committer = new Committer(store, realRuntime())
    void committer.commit(append('same'))
    await turns()
    let looks = 0
    const watched = (): Unit => {
      const { append: records } = append('same')
      return {
        get append() {
          looks++
          return records as readonly EventRecord[]
        },
      }
    }
    for (let at = 0; at < 200; at++) {
      void committer.commit(watched())
      await turn()
    }
    expect(flying).toHaveLength(1)
    // Each when it comes, and each once more at most.
    expect(looks).toBeLessThan(3 * 200)
    void committer.commit(append('other'))
    await turns()
    expect(flying.map(({ units }) => units.length)).toEqual([1, 1])
    flying[0]?.end()
    await turns()
    expect(flying.map(({ units }) => units.length)).toEqual([1, 1, 200])
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

  it('keeps the order of every stream, however commits end and whatever is more urgent', async () => {
    const unit = fc.record({ keys: fc.array(fc.nat(400), { minLength: 1, maxLength: 2 }), rank: fc.nat(3) })
    const step = fc.oneof(
      fc.record({ publish: fc.array(unit, { minLength: 1, maxLength: 150 }) }),
      fc.record({ ends: fc.nat(1), fails: fc.boolean() }),
    )
    const world = fc.record({
      steps: fc.array(step, { maxLength: 30 }),
      streams: fc.constantFrom(7, 400),
      maxUnits: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
    })
    await fc.assert(
      fc.asyncProperty(world, async ({ steps, streams, maxUnits }) => {
        const { store, flying } = farStore()
        const committer = new Committer(store, realRuntime(), maxUnits === undefined ? {} : { maxUnits })
        const published = new Map<string, string[]>()
        const committed = new Set<string>()
        const under: Flying[] = []
        let seen = 0
        const look = async (): Promise<void> => {
          await turns()
          for (; seen < flying.length; seen++) under.push(flying[seen] as Flying)
          expect(under.length).toBeLessThanOrEqual(2)
          const keys = under.map(({ units }) => units.flatMap(({ append: all = [] }) => all.map(({ key }) => key)))
          expect(keys[0]?.filter((key) => keys[1]?.includes(key)) ?? []).toEqual([])
        }
        const done: Promise<void>[] = []
        for (const one of steps) {
          if ('publish' in one) {
            for (const { keys, rank } of one.publish) {
              const records = [...new Set(keys.map((key) => `k-${key % streams}`))].map(record)
              for (const { key, id } of records) published.set(key, [...(published.get(key) ?? []), id])
              const told = committer.commit({ append: records }, rank).then(
                () => records.forEach(({ id }) => committed.add(id)),
                () => {},
              )
              done.push(told)
            }
          } else {
            const [ended] = under.splice(Math.min(one.ends, under.length - 1), 1)
            if (one.fails) ended?.fail()
            else ended?.end()
          }
          await look()
        }
        while (committer.busy) {
          under.shift()?.end()
          await look()
        }
        await Promise.all(done)
        for (const [key, ids] of published) {
          const stored = await store.readStream({ tenant: '', category: 'thing', key }, { limit: 10_000 })
          expect(stored.map(({ record: { id } }) => id)).toEqual(ids.filter((id) => committed.has(id)))
        }
      }),
      { numRuns: 60 },
    )
  }, 60_000)
})
