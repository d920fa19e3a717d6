import { describe, expect, it } from 'vitest'

import { snapshotsCollection } from '../bus/snapshot-documents.ts'
import { defineEvent } from '../events/define-event.ts'
import { mulberry32 } from '../kernel/virtual-runtime.ts'
import type { Store } from '../store/store.ts'
import { createTestBus, type TestWorld } from '../testing/create-test-bus.ts'
import { decide } from './decide.ts'
import { type Aggregate, defineAggregate } from './define-aggregate.ts'
import { load } from './load.ts'

const Added = defineEvent<{ readonly id: string; readonly n: number }>('sum.added')

interface Sum {
  readonly total: number
  readonly history: readonly number[]
}
const initial: Sum = { total: 0, history: [] }
const sums = (every: number | undefined, version = 1): Aggregate<Sum> =>
  defineAggregate('sum', {
    initial,
    on: [Added],
    version,
    evolve: ({ total, history }, { data: { n } }) => ({
      total: total * version + n,
      history: [...history, n].slice(-3),
    }),
    ...(every === undefined ? {} : { snapshot: { every } }),
  })
const add = (n: number) => () => Added.create({ id: 's', n })

const documents = (store: Store) => store.find(snapshotsCollection)

/** How many events a load reads. */
async function eventsRead(world: TestWorld, aggregate: Aggregate<Sum>): Promise<number> {
  let read = 0
  const counting = { ...aggregate, evolve: (state: Sum, event: never) => (read++, aggregate.evolve(state, event)) }
  await load(world.bus, counting, 's')
  return read
}

describe('snapshots', () => {
  it.each([1, 2, 3, 4, 5, 7, 10, 11])(
    'every %i events give the same state as none, at every version',
    async (every) => {
      await using world = await createTestBus()
      const { bus } = world
      const random = mulberry32(every)
      for (let at = 0; at < 23; at++) {
        const several = Array.from({ length: 1 + Math.floor(random() * 3) }, () => add(Math.floor(random() * 9))())
        const { state, version } = await decide(bus, sums(every), 's', () => several)
        await bus.settled()
        expect(await load(bus, sums(undefined), 's')).toEqual({ state, version })
        expect(await load(bus, sums(every), 's')).toEqual({ state, version })
        for (const upTo of [0, 1, version - 1])
          expect(await load(bus, sums(every), 's', { upTo })).toEqual(await load(bus, sums(undefined), 's', { upTo }))
      }
      expect(await documents(world.store)).toHaveLength(1)
      expect(await eventsRead(world, sums(every))).toBeLessThan(every + 3)
    },
  )

  it('are one document a stream, taken no more often than asked', async () => {
    await using world = await createTestBus()
    for (let n = 0; n < 12; n++) {
      await decide(world.bus, sums(5), 's', add(n))
      await world.bus.settled()
    }
    expect((await documents(world.store)).map(({ version }) => version)).toEqual([2])
  })

  it('never spare the check of the version', async () => {
    await using world = await createTestBus()
    const { bus } = world
    await decide(bus, sums(1), 's', add(1))
    await bus.settled()
    let beaten = false
    const { attempts, version } = await decide(bus, sums(1), 's', async () => {
      if (!beaten) await bus.publish(Added, { id: 's', n: 2 })
      beaten = true
      return add(3)()
    })
    expect({ attempts, version }).toEqual({ attempts: 2, version: 3 })
  })

  it('of another version of the aggregate are passed over, and replaced', async () => {
    await using world = await createTestBus()
    const { bus } = world
    for (const n of [1, 2, 3]) await decide(bus, sums(1), 's', add(n))
    await bus.settled()
    expect((await load(bus, sums(1, 2), 's')).state.total).toBe((1 * 2 + 2) * 2 + 3)
    expect(await eventsRead(world, sums(1, 2))).toBe(3)
    await decide(bus, sums(1, 2), 's', add(4))
    await bus.settled()
    expect(await eventsRead(world, sums(1, 2))).toBe(0)
    expect(await documents(world.store)).toHaveLength(1)
  })

  it.each<[string, (body: Record<string, unknown>) => string]>([
    ['that are no JSON', () => '{'],
    ['with another state', (body) => JSON.stringify({ ...body, state: '{"total":1000,"history":[]}' })],
    ['with another place', (body) => JSON.stringify({ ...body, at: 1 })],
    ['with a place that is none', (body) => JSON.stringify({ ...body, at: -1 })],
    ['of another stream', (body) => JSON.stringify({ ...body, checksum: 'x'.repeat(43) })],
    ['that are null', () => 'null'],
  ])('%s are passed over, told and written anew', async (_what, spoil) => {
    const told: string[] = []
    await using world = await createTestBus({ log: (level, message) => void told.push(`${level} ${message}`) })
    const { bus, store } = world
    for (const n of [1, 2, 3]) await decide(bus, sums(1), 's', add(n))
    await bus.settled()
    const [document] = await documents(store)
    const body = JSON.parse(document?.body as string) as Record<string, unknown>
    await store.commit([
      { documents: [{ collection: snapshotsCollection, id: document?.id as string, put: spoil(body) }] },
    ])
    expect(await load(bus, sums(1), 's')).toMatchObject({ state: { total: 6 }, version: 3 })
    expect(told.filter((line) => line.startsWith('warn A snapshot cannot be used'))).toHaveLength(1)
    await decide(bus, sums(1), 's', add(4))
    await bus.settled()
    expect(await eventsRead(world, sums(1))).toBe(0)
  })

  it('from after the end of the stream, as after the restore of a backup, give way to the events', async () => {
    await using world = await createTestBus()
    const { bus, store } = world
    for (const n of [1, 2, 3]) await decide(bus, sums(1), 's', add(n))
    await bus.settled()
    const taken = await documents(store)
    await using restored = await createTestBus()
    for (const n of [5, 6]) await restored.bus.publish(Added, { id: 's', n })
    await restored.store.commit([
      { documents: taken.map(({ id, body }) => ({ collection: snapshotsCollection, id, put: body })) },
    ])
    expect(await decide(restored.bus, sums(1), 's', add(7))).toMatchObject({ state: { total: 18 }, version: 3 })
  })

  it('are never in the way: a state that is no JSON, or a store that refuses, is told and nothing else', async () => {
    const told: string[] = []
    await using world = await createTestBus({ log: (level, message) => void told.push(`${level} ${message}`) })
    const { bus } = world
    const odd = defineAggregate('sum', {
      initial: new Map<string, number>(),
      on: [Added],
      evolve: (state, { data }) => new Map([...state, [String(data.n), data.n]]),
      snapshot: { every: 1 },
    })
    expect((await decide(bus, odd, 's', add(1))).state).toEqual(new Map([['1', 1]]))
    await bus.settled()
    expect(told.filter((line) => line.startsWith('error A snapshot could not be taken'))).toHaveLength(1)
    const even = defineAggregate('sum', {
      initial: new Map<string, number>(),
      on: [Added],
      evolve: (state, { data }) => new Map([...state, [String(data.n), data.n]]),
      snapshot: {
        every: 1,
        save: (state) => [...state],
        restore: (saved: readonly (readonly [string, number])[]) => new Map(saved),
      },
    })
    await decide(bus, even, 's', add(2))
    await bus.settled()
    expect(await documents(world.store)).toHaveLength(1)
    expect((await load(bus, even, 's')).state).toEqual(
      new Map([
        ['1', 1],
        ['2', 2],
      ]),
    )
  })

  it('of two aggregates of one category do not meet', async () => {
    await using world = await createTestBus()
    const { bus } = world
    const count = defineAggregate('sum', {
      name: 'sum.count',
      initial: 0,
      on: [Added],
      evolve: (n) => n + 1,
      snapshot: { every: 1 },
    })
    await decide(bus, sums(1), 's', add(9))
    await decide(bus, count, 's', add(9))
    await bus.settled()
    expect(await load(bus, count, 's')).toEqual({ state: 2, version: 2 })
    expect(await load(bus, sums(1), 's')).toMatchObject({ state: { total: 18 }, version: 2 })
    expect(await documents(world.store)).toHaveLength(2)
  })

  it('go with their stream when it is deleted', async () => {
    await using world = await createTestBus()
    const { bus } = world
    for (const n of [1, 2, 3]) await decide(bus, sums(1), 's', add(n))
    await bus.settled()
    await bus.store.deleteStream('sum/s')
    expect(await documents(world.store)).toEqual([])
    expect(await load(bus, sums(1), 's')).toEqual({ state: initial, version: 3 })
    expect(await decide(bus, sums(1), 's', add(4))).toMatchObject({ state: { total: 4 }, version: 4 })
  })

  it('are not taken of what is deleted meanwhile', async () => {
    await using world = await createTestBus()
    let deleted = false
    const store: Store = {
      ...world.store,
      async commit(units) {
        const takes = units.some((unit) => unit.documents?.some(({ collection }) => collection === snapshotsCollection))
        if (takes && !deleted) {
          deleted = true
          await world.bus.store.deleteStream('sum/s')
        }
        return world.store.commit(units)
      },
    }
    await using beside = await createTestBus({ store })
    await decide(beside.bus, sums(1), 's', add(1))
    await beside.bus.settled()
    expect(deleted).toBe(true)
    expect(await documents(world.store)).toEqual([])
  })
})
