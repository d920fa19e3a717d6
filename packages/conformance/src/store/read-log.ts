import assert from 'node:assert/strict'

import type { EventRecord, LogQuery, Placed, Store, StoredEvent } from 'tidings/spi'

import { allEnd } from '../suite/all-end.ts'
import type { Topic } from '../suite/case.ts'
import { ids, record, records } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { commitAll, commitOne, readLog } from './commits.ts'
import type { StoreWorld } from './store-world.ts'

export const readLogTopic: Topic<StoreWorld> = {
  name: 'reading the log',
  cases: [
    {
      promise: 'filters',
      title: 'each filter chooses by what it names, and several choose together',
      run: async (world) => {
        const { store, chance } = world
        const pick = <T>(...from: T[]): T => from[Math.floor(chance.random() * from.length)] as T
        const start = chance.now()
        const written = Array.from({ length: 120 }, () =>
          record(world, {
            type: pick('order.placed', 'order.paid', 'order', 'Order.placed'),
            category: pick('order', 'customer', 'orde'),
            key: pick('k-1', 'k-2', 'k-3', 'k-4', 'k-5'),
            tenant: pick('', 'acme', 'Acme'),
            correlation: pick('c-1', 'c-2'),
            causation: pick('', 'c-1'),
            time: start + Math.floor(chance.random() * 50),
          }),
        )
        await commitAll(
          store,
          written.map((one) => ({ append: [one] })),
        )
        const all = await readLog(store)
        const middle = all[60] as StoredEvent
        const queries: readonly Partial<LogQuery>[] = [
          { types: ['order.placed'] },
          { types: ['order.placed', 'order.paid', 'nothing'] },
          { types: [] },
          { categories: ['order'] },
          { categories: ['customer', 'orde'] },
          { tenant: 'acme' },
          { tenant: '' },
          { correlation: 'c-1' },
          { causation: 'c-1' },
          { causation: '' },
          { id: middle.record.id },
          { id: 'nobody' },
          { from: start + 10 },
          { to: start + 10 },
          { from: start + 10, to: start + 11 },
          { partitions: [0] },
          { partitions: [...new Set(all.map((event) => event.partition))].slice(1) },
          { partitions: [] },
          { upTo: middle.position },
          { after: middle.position },
          { after: (all[10] as StoredEvent).position, upTo: middle.position, types: ['order.placed'], tenant: 'acme' },
          { categories: ['order'], tenant: '', correlation: 'c-2', from: start + 5, to: start + 45 },
        ]
        for (const query of queries) {
          const expected = ids(all.filter((event) => matches(event, query)))
          same(ids(await readLog(store, query)), expected, JSON.stringify(query))
          same(ids(await readLog(store, { ...query, limit: 3 })), expected, `${JSON.stringify(query)}, page by page`)
        }
      },
    },
    {
      promise: 'filters',
      title: 'a page holds no more than its limit, and begins after the position named',
      run: async (world) => {
        const { store } = world
        const placed = await commitOne(store, { append: records(world, 10) })
        const positions = placed.map((one) => one.position)
        for (const limit of [1, 3, 10, 11]) {
          const page = await store.readAll({ after: 0, limit })
          same(
            page.events.map((event) => event.position),
            positions.slice(0, limit),
          )
        }
        const rest = await store.readAll({ after: positions[6] as number, limit: 100 })
        same(
          rest.events.map((event) => event.position),
          positions.slice(7),
        )
        const nothing = await store.readAll({ after: 0, limit: 0 })
        same(nothing, { events: [], through: 0 })
      },
    },
    {
      promise: 'through',
      title: 'equals `after` where the log has nothing newer, and never lies beyond the log',
      run: async (world) => {
        const { store } = world
        same(await store.readAll({ after: 0, limit: 10 }), { events: [], through: 0 })
        const placed = await commitOne(store, { append: records(world, 4) })
        const head = (placed.at(-1) as Placed).position
        same(await store.readAll({ after: head, limit: 10 }), { events: [], through: head })
        const beyond = await store.readAll({ after: 0, limit: 10, upTo: head + 1_000 })
        assert.equal(beyond.through, head)
        same(await store.readAll({ after: 0, limit: 10, types: ['nothing'], upTo: head + 1_000 }), {
          events: [],
          through: head,
        })
      },
    },
    {
      promise: 'through',
      title: 'stops at the last event of a full page, so that the next page misses nothing',
      run: async (world) => {
        const { store } = world
        const placed = await commitOne(store, {
          append: records(world, 12, { type: 'a' }).map((one, at) => ({ ...one, type: at % 2 === 0 ? 'a' : 'b' })),
        })
        const page = await store.readAll({ after: 0, limit: 2, types: ['a'] })
        assert.equal(page.events.length, 2)
        const next = (placed[4] as Placed).position
        assert.ok(
          page.through >= (placed[2] as Placed).position && page.through < next,
          `${page.through} lies before the next match at ${next}`,
        )
      },
    },
    {
      promise: 'through',
      title: 'moves on where nothing matches, up to the head and no further than `upTo`',
      run: async (world) => {
        const { store, volumes } = world
        const placed = await commitOne(store, { append: records(world, volumes.events) })
        const head = (placed.at(-1) as Placed).position
        const limit = async (upTo: number | undefined): Promise<number> => {
          for (let after = 0; ; ) {
            const page = await store.readAll({
              after,
              limit: 10,
              types: ['nothing'],
              ...(upTo !== undefined && { upTo }),
            })
            same(page.events, [])
            if (page.through === after) return after
            after = page.through
          }
        }
        assert.equal(await limit(undefined), head)
        const half = (placed[Math.floor(placed.length / 2)] as Placed).position
        assert.equal(await limit(half), half)
      },
    },
    {
      promise: 'through',
      title: 'nothing appears later at or below it while others commit',
      run: (world) => checkThrough(world, world.store),
    },
  ],
}

/** Readers follow the log while writers commit side by side: whoever trusted `through` must have seen everything, in order. */
export async function checkThrough(world: StoreWorld, other: Store): Promise<void> {
  const { store, volumes } = world
  const writing = { left: 8 }
  const perWriter = Math.ceil(volumes.events / 8)
  const write = async (writer: number): Promise<void> => {
    try {
      for (let at = 0; at < perWriter; at++) {
        const parts = { key: `w-${writer}`, type: at % 2 === 0 ? 'even' : 'odd' }
        const units = Array.from({ length: 1 + (at % 3) }, () => ({ append: [record(world, parts)] }))
        await commitAll(writer % 2 === 0 ? store : other, units)
      }
    } finally {
      writing.left--
    }
  }
  const follow = async (from: Store, types: readonly string[] | undefined, limit: number): Promise<number[]> => {
    const seen: number[] = []
    for (let after = 0; ; ) {
      const over = writing.left === 0
      const page = await from.readAll({ after, limit, ...(types && { types }) })
      seen.push(...page.events.map((event) => event.position))
      if (over && (page.through === after || page.events.length === 0)) return seen
      after = page.through
      await new Promise((resolve) => void setImmediate(resolve))
    }
  }
  const [first, second, even] = await allEnd([
    follow(store, undefined, 7),
    follow(other, undefined, 500),
    follow(other, ['even'], 3),
    ...Array.from({ length: writing.left }, (_, writer) => write(writer).then(() => [])),
  ])
  const all = await readLog(store)
  const positions = all.map((event) => event.position)
  same(first, positions)
  same(second, positions)
  same(
    even,
    all.filter((event) => event.record.type === 'even').map((event) => event.position),
  )
}

function matches({ record: one, position, partition }: StoredEvent, query: Partial<LogQuery>): boolean {
  const fields: readonly (keyof EventRecord & keyof LogQuery)[] = ['tenant', 'correlation', 'causation', 'id']
  return (
    fields.every((field) => query[field] === undefined || one[field] === query[field]) &&
    (query.types?.includes(one.type) ?? true) &&
    (query.categories?.includes(one.category) ?? true) &&
    (query.partitions?.includes(partition) ?? true) &&
    position > (query.after ?? 0) &&
    position <= (query.upTo ?? position) &&
    one.time >= (query.from ?? 0) &&
    one.time < (query.to ?? Number.POSITIVE_INFINITY)
  )
}
