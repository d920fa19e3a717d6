import assert from 'node:assert/strict'

import type { EventRecord, Placed } from 'tidings/spi'

import type { Topic } from '../suite/case.ts'
import { ids, record, records } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { commitOne, order, orderStream, readLog } from './commits.ts'
import type { StoreWorld } from './store-world.ts'

export const pruning: Topic<StoreWorld> = {
  name: 'pruning',
  cases: [
    {
      promise: 'prune',
      title: 'removes the oldest that match, in bounded steps, and says whether more may match',
      run: async (world) => {
        const { store } = world
        const written = records(world, 10)
        const placed = await commitOne(store, { append: written })
        const through = (placed[6] as Placed).position
        const left: number[] = []
        for (
          let removed = 0, step = await store.prune({ through, limit: 3 });
          ;
          step = await store.prune({ through, limit: 3 })
        ) {
          removed += step.removed
          assert.ok(step.removed <= 3)
          const rest = ids(await readLog(store))
          same(
            rest,
            written.slice(removed).map((one) => one.id),
          )
          left.push(rest.length)
          if (!step.more) break
        }
        assert.equal(left.at(-1), 3)
        same(await store.prune({ through, limit: 3 }), { removed: 0, more: false })
      },
    },
    {
      promise: 'prune',
      title: 'chooses by time, type and stream, and never goes beyond the position named',
      run: async (world) => {
        const { store } = world
        const start = world.chance.now()
        const written: EventRecord[] = []
        for (let at = 0; at < 24; at++) {
          written.push(
            record(world, {
              time: start + at,
              type: at % 2 === 0 ? 'a' : 'b',
              key: `k-${at % 3}`,
              source: at % 4 < 2 ? '/here' : '/there',
            }),
          )
        }
        const placed = await commitOne(store, { append: written })
        const through = (placed[11] as Placed).position
        const gone = new Set<EventRecord>()
        const prune = async (
          query: Omit<Parameters<typeof store.prune>[0], 'through' | 'limit'>,
          gones: (one: EventRecord, at: number) => boolean,
        ): Promise<void> => {
          await store.prune({ through, limit: 100, ...query })
          written.forEach((one, at) => at <= 11 && gones(one, at) && gone.add(one))
          same(
            ids(await readLog(store)),
            written.filter((one) => !gone.has(one)).map((one) => one.id),
            JSON.stringify(query),
          )
        }
        await prune({ stream: orderStream('k-1'), types: ['a'] }, (one) => one.key === 'k-1' && one.type === 'a')
        await prune({ before: start + 3 }, (_, at) => at < 3)
        await prune({ types: ['b', 'nothing'], before: start + 8 }, (one, at) => one.type === 'b' && at < 8)
        await prune({ exceptSource: '/there', before: start + 10 }, (one, at) => one.source !== '/there' && at < 10)
        await prune(
          { source: '/there', exceptTypes: ['b', 'nothing'], before: start + 11 },
          (one, at) => one.source === '/there' && one.type !== 'b' && at < 11,
        )
        await prune({ source: '/nowhere', exceptTypes: [] }, () => false)
        await prune({ stream: orderStream('nobody') }, () => false)
        await prune({ types: [] }, () => false)
        await prune({}, () => true)
      },
    },
    {
      promise: 'prune',
      title: 'streams keep counting, also when all of them is gone; what is left is read by its version',
      run: async (world) => {
        const { store } = world
        const written = Array.from({ length: 9 }, (_, at) => record(world, { type: at % 3 === 1 ? 'short' : 'long' }))
        const placed = await commitOne(store, { append: written })
        await store.prune({ through: (placed[8] as Placed).position, types: ['short'], limit: 100 })
        const versions = async (query: Parameters<typeof store.readStream>[1]): Promise<number[]> =>
          (await store.readStream(order, query)).map((event) => event.streamVersion)
        same(await versions({}), [1, 3, 4, 6, 7, 9])
        same(await versions({ from: 2 }), [3, 4, 6, 7, 9])
        same(await versions({ from: 4, limit: 2 }), [4, 6])
        same(await versions({ from: 8, reverse: true }), [7, 6, 4, 3, 1])
        same(await versions({ reverse: true, limit: 2 }), [9, 7])
        await store.prune({ through: (placed[8] as Placed).position, limit: 100 })
        same([await versions({}), await versions({ reverse: true })], [[], []])
        const next = await commitOne(store, { expect: [{ stream: order, version: 9 }], append: [record(world)] })
        assert.equal(next[0]?.streamVersion, 10)
        same(await versions({}), [10])
      },
    },
    {
      promise: 'prune',
      title: 'a position is never given again, also when the newest events or all of them are gone',
      run: async (world) => {
        const { store } = world
        let last = 0
        for (let round = 0; round < 3; round++) {
          const placed = await commitOne(store, { append: records(world, 3, { key: `k-${round}` }) })
          for (const { position } of placed) {
            assert.ok(position > last, `${position} comes after ${last}`)
            last = position
          }
          await store.prune({ through: last, limit: 100, ...(round === 1 && { stream: orderStream('k-1') }) })
          const page = await store.readAll({ after: last, limit: 10 })
          same(page, { events: [], through: last })
        }
      },
    },
    {
      promise: 'prune',
      title: 'leaves documents alone',
      run: async (world) => {
        const { store } = world
        const [placed] = await commitOne(store, {
          append: [record(world)],
          documents: [{ collection: 'c', id: 'd', put: 'body', index: { n: 1 } }],
        })
        await store.prune({ through: (placed as Placed).position, limit: 100 })
        same(await store.find('c', { by: { index: 'n', equal: 1 } }), [{ id: 'd', version: 1, body: 'body' }])
      },
    },
    {
      promise: 'prune',
      title: 'readers pass over what is gone',
      run: async (world) => {
        const { store } = world
        const placed = await commitOne(store, {
          append: records(world, 10).map((one, at) => ({ ...one, type: at % 2 === 0 ? 'a' : 'b' })),
        })
        await store.prune({ through: (placed[7] as Placed).position, types: ['a'], limit: 100 })
        const left = [1, 3, 5, 7, 8, 9].map((at) => (placed[at] as Placed).position)
        same(
          (await readLog(store, { limit: 2 })).map((event) => event.position),
          left,
        )
        same(
          (await readLog(store, { after: (placed[2] as Placed).position })).map((event) => event.position),
          left.slice(1),
        )
      },
    },
  ],
}
