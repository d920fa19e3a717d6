import assert from 'node:assert/strict'

import type { Topic } from '../suite/case.ts'
import { ids, record, records } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { commitAll, commitOne, order, orderStream, readLog } from './commits.ts'
import type { StoreWorld } from './store-world.ts'

export const positionsAndVersions: Topic<StoreWorld> = {
  name: 'positions and versions',
  cases: [
    {
      promise: 'positions',
      title: 'ascend in commit order: inside a unit, across the units of a call, from call to call',
      run: async (world) => {
        const { store } = world
        let last = 0
        for (let call = 0; call < 5; call++) {
          const units = [3, 1, 2].map((count, unit) => ({
            append: records(world, count, { key: `k-${(call + unit) % 3}` }),
          }))
          for (const { position } of (await commitAll(store, units)).flat()) {
            assert.ok(Number.isSafeInteger(position) && position > last, `${position} comes after ${last}`)
            last = position
          }
        }
        const read = (await readLog(store)).map((event) => event.position)
        same(
          read,
          read.toSorted((a, b) => a - b),
        )
        assert.equal(read.at(-1), last)
      },
    },
    {
      promise: 'positions',
      title: 'are those that commit answered, for each event',
      run: async (world) => {
        const { store } = world
        const units = [1, 2, 3].map((count) => ({ append: records(world, count, { key: `k-${count}` }) }))
        const answered = (await commitAll(store, units)).flat()
        const read = await readLog(store)
        same(
          read.map(({ position }) => position),
          answered.map(({ position }) => position),
        )
        same(
          ids(read),
          units.flatMap((unit) => unit.append.map((one) => one.id)),
        )
      },
    },
    {
      promise: 'atomic',
      title: 'positions of a unit that conflicted are never filled later',
      run: async (world) => {
        const { store } = world
        const before = await commitOne(store, { append: records(world, 2) })
        await store.commit([{ expect: [{ stream: order, version: 99 }], append: records(world, 3) }])
        const after = await commitOne(store, { append: records(world, 2) })
        const read = (await readLog(store)).map((event) => event.position)
        same(
          read,
          [...before, ...after].map(({ position }) => position),
        )
      },
    },
    {
      promise: 'versions',
      title: 'count each stream from 1 without gaps, whatever else is written between',
      run: async (world) => {
        const { store } = world
        const counts = new Map<string, number>()
        for (let call = 0; call < 20; call++) {
          const units = Array.from({ length: 3 }, () => ({
            append: Array.from({ length: 3 }, () =>
              record(world, { key: `k-${Math.floor(world.chance.random() * 4)}` }),
            ),
          }))
          const placed = await commitAll(store, units)
          units.forEach((unit, at) => {
            unit.append.forEach((one, inUnit) => {
              const expected = (counts.get(one.key) ?? 0) + 1
              counts.set(one.key, expected)
              assert.equal(placed[at]?.[inUnit]?.streamVersion, expected, `version of stream ${one.key}`)
            })
          })
        }
        for (const [key, count] of counts) {
          const versions = (await store.readStream(orderStream(key))).map((event) => event.streamVersion)
          same(
            versions,
            Array.from({ length: count }, (_, at) => at + 1),
          )
        }
      },
    },
    {
      promise: 'atomic',
      title: 'versions have no gap where a unit conflicted or was refused',
      run: async (world) => {
        const { store } = world
        const [first, second] = records(world, 2)
        assert.ok(first && second)
        await commitOne(store, { append: [first] })
        await store.commit([
          { expect: [{ stream: order, version: 9 }], append: [record(world)] },
          { append: [first, record(world)] },
        ])
        assert.equal((await commitOne(store, { append: [second] }))[0]?.streamVersion, 2)
      },
    },
  ],
}
