import assert from 'node:assert/strict'

import type { Expectation } from 'tidings/spi'

import type { Topic } from '../suite/case.ts'
import { record, records } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { commitAll, commitOne, commitStatus, order, orderStream, readLog } from './commits.ts'
import type { StoreWorld } from './store-world.ts'

export const preconditions: Topic<StoreWorld> = {
  name: 'preconditions',
  cases: [
    {
      promise: 'expect',
      title: 'a stream must stand at the version expected; a conflict answers which one and what it found',
      run: async (world) => {
        const { store } = world
        await commitOne(store, { expect: [{ stream: order, version: 0 }], append: records(world, 2) })
        for (const version of [0, 1, 3]) {
          const expectation: Expectation = { stream: order, version }
          const result = await commitStatus(store, { expect: [expectation], append: [record(world)] })
          same(result, { status: 'conflict', expectation, actual: 2 })
        }
        await commitOne(store, { expect: [{ stream: order, version: 2 }], append: [record(world)] })
        assert.equal((await readLog(store)).length, 3)
      },
    },
    {
      promise: 'expect',
      title: 'a document must stand at the version expected; 0 means that there is none',
      run: async (world) => {
        const { store } = world
        const put = { collection: 'c', id: 'd', put: '{}' }
        const at = (version: number): Expectation => ({ collection: 'c', id: 'd', version })
        await commitOne(store, { expect: [at(0)], documents: [put] })
        await commitOne(store, { expect: [at(1)], documents: [put] })
        for (const version of [0, 1, 3]) {
          const result = await commitStatus(store, { expect: [at(version)], documents: [put] })
          same(result, { status: 'conflict', expectation: at(version), actual: 2 })
        }
        await commitOne(store, { expect: [at(2)], documents: [{ delete: true, collection: 'c', id: 'd' }] })
        same(await commitStatus(store, { expect: [at(2)] }), {
          status: 'conflict',
          expectation: at(2),
          actual: 0,
        })
        await commitOne(store, { expect: [at(0)] })
        same(await store.find('c'), [])
      },
    },
    {
      promise: 'expect',
      title: 'are checked against the state before the unit, also where it writes what it expects',
      run: async (world) => {
        const { store } = world
        const stream: Expectation = { stream: order, version: 0 }
        const document: Expectation = { collection: 'c', id: 'd', version: 0 }
        const unit = {
          expect: [stream, document, stream],
          append: records(world, 3),
          documents: [{ collection: 'c', id: 'd', put: '1' }],
        }
        assert.equal((await commitOne(store, unit)).at(-1)?.streamVersion, 3)
      },
    },
    {
      promise: 'expect',
      title: 'see what earlier units of the same call have written',
      run: async (world) => {
        const { store } = world
        const results = await store.commit(
          [0, 1, 1, 2].map((version) => ({ expect: [{ stream: order, version }], append: [record(world)] })),
        )
        same(
          results.map((result) => (result.status === 'conflict' ? result.actual : result.status)),
          ['committed', 'committed', 2, 'committed'],
        )
      },
    },
    {
      promise: 'expect',
      title: 'guard units that write nothing, and streams that are not the ones written',
      run: async (world) => {
        const { store } = world
        await commitOne(store, { append: records(world, 2, { key: 'a' }) })
        assert.equal(
          (await commitStatus(store, { expect: [{ stream: orderStream('a'), version: 1 }] })).status,
          'conflict',
        )
        await commitOne(store, { expect: [{ stream: orderStream('a'), version: 2 }] })
        const guarded = { expect: [{ stream: orderStream('a'), version: 9 }], append: [record(world, { key: 'b' })] }
        assert.equal((await commitStatus(store, guarded)).status, 'conflict')
        same(await store.readStream(orderStream('b')), [])
      },
    },
    {
      promise: 'expect',
      title: 'fence: whoever holds an older version of a document is told, whoever holds the newest writes',
      run: async (world) => {
        const { store } = world
        const raise = { documents: [{ collection: 'fences', id: 'p-0', put: 'owner' }] }
        await commitAll(store, [raise, raise, raise])
        const fenced = (version: number) => ({
          expect: [{ collection: 'fences', id: 'p-0', version }],
          append: [record(world)],
        })
        const results = await store.commit([fenced(1), fenced(2), fenced(3)])
        same(
          results.map((result) => result.status),
          ['conflict', 'conflict', 'committed'],
        )
        assert.equal((await store.readStream(order)).length, 1)
      },
    },
  ],
}
