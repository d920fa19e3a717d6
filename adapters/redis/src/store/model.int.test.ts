import { type CommitResult, memoryStore, mulberry32, type Store, type StreamName, type Unit } from 'tidings/spi'
import { afterEach, describe, expect, it } from 'vitest'

import { cleanUp, needsRedis, open, record } from '../../tests/redis-world.ts'

afterEach(cleanUp)

const steps = 120
const seed = Math.floor(Math.random() * 1_000_000_000)

/** Both stores are asked the same; the one in memory says what is right. */
describe('the Redis store beside the memory store', needsRedis, () => {
  it(`answers ${steps} random calls alike (seed ${seed})`, async () => {
    const random = mulberry32(seed)
    const below = (count: number): number => Math.floor(random() * count)
    const pick = <T>(...from: readonly T[]): T => from[below(from.length)] as T
    const [real, model] = [await open({ partitions: 3 }), memoryStore({ partitions: 3 })]
    const both = async <T>(call: (store: Store) => Promise<T>): Promise<T> => {
      const [answer, right] = [await call(real), await call(model)]
      expect(answer).toEqual(right)
      return right
    }
    const stream = (): StreamName => ({ tenant: pick('', 'a'), category: pick('c', 'd'), key: `k-${below(4)}` })
    const written = [record()]
    const event = () => {
      const one = record({ ...stream(), type: pick('x', 'y', 'z'), time: below(100), correlation: pick('1', '2') })
      if (random() < 0.1) return pick(...written)
      written.push(one)
      return one
    }
    const value = (): string | number => pick<string | number>(below(5), -1.5, 'a', 'b', 'a\0b', 'a\0', '')
    const unit = (): Unit => ({
      ...(random() < 0.2 && {
        expect: [
          pick(
            { stream: stream(), version: below(30) },
            { collection: pick('p', 'q'), id: `i-${below(4)}`, version: below(3) },
          ),
        ],
      }),
      append: Array.from({ length: pick(0, 1, 1, 1, 2, 9) }, event),
      documents: Array.from({ length: pick(0, 0, 1, 3) }, () => {
        const [collection, id] = [pick('p', 'q'), `i-${below(6)}`]
        if (random() < 0.3) return { delete: true as const, collection, id }
        const index = { ...(random() < 0.7 && { n: value() }), ...(random() < 0.3 && { m: value() }) }
        return { collection, id, put: `body ${random()}`, ...(random() < 0.8 && { index }) }
      }),
    })
    for (let step = 0; step < steps; step++) {
      await both(async (store) => (await store.commit(structuredUnits(step))).map(plain))
      const head = (await model.readAll({ after: 0, limit: 1, types: [] })).through
      if (random() < 0.3) {
        const query = {
          through: below(head + 2),
          limit: 1 + below(40),
          ...(random() < 0.5 && { types: [pick('x', 'y')] }),
          ...(random() < 0.3 && { stream: stream() }),
          ...(random() < 0.3 && { before: below(100) }),
        }
        await both((store) => store.prune(query))
      }
      const name = stream()
      const from = random() < 0.5 ? undefined : below(40)
      for (const reverse of [true, false])
        await both((store) =>
          store.readStream(name, { reverse, limit: 1 + below(0) + (step % 30), ...(from !== undefined && { from }) }),
        )
      await both(async (store) => eventsBy(store, step % 5))
      const by = pick({}, { equal: value() }, { upTo: below(6) })
      for (const query of [
        {},
        { by: { index: 'n', ...by } },
        { prefix: 'i-', by: { index: 'm' } },
        { id: 'i-1' },
        { after: 'i-2' },
      ])
        await both((store) => store.find('p', query))
    }

    /** The same units for both stores: drawn once a step. */
    function structuredUnits(step: number): readonly Unit[] {
      if (drawn.step !== step) {
        drawn.step = step
        drawn.units = Array.from({ length: 1 + below(4) }, unit)
      }
      return drawn.units
    }
  }, 120_000)
})

/** What a result says, without what one store or the other adds. */
function plain(result: CommitResult): unknown {
  if (result.status === 'refused') return (result.error as { readonly code?: string }).code
  if (result.status === 'conflict') return result
  const { repeated, events } = result
  return { repeated, events: events.map(({ position, streamVersion }) => ({ position, streamVersion })) }
}

const drawn: { step: number; units: readonly Unit[] } = { step: -1, units: [] }

const filters = [
  {},
  { types: ['x', 'z'] },
  { tenant: 'a', correlation: '1' },
  { categories: ['d'], partitions: [0, 2] },
  { from: 20, to: 70 },
]

/** All that a filter finds, page by page; where pages end is the store's own business. */
async function eventsBy(store: Store, filter: number): Promise<unknown[]> {
  const events: unknown[] = []
  for (let after = 0; ; ) {
    const page = await store.readAll({ after, limit: 7, ...filters[filter] })
    events.push(...page.events)
    if (page.through === after) return events
    after = page.through
  }
}
