import assert from 'node:assert/strict'

import type { Case } from '../suite/case.ts'
import { ids, record } from '../suite/event-records.ts'
import { eventually } from '../suite/eventually.ts'
import { same } from '../suite/same.ts'
import { commitOne, commitStatus, order, placesOf, readLog } from './commits.ts'
import { checkRace } from './concurrent-commits.ts'
import { checkThrough } from './read-log.ts'
import type { StoreWorld } from './store-world.ts'

/** For stores that several processes may open at once: `sharing` is `host` or `network`. */
export const sharingHas: readonly Case<StoreWorld>[] = [
  {
    promise: 'shared',
    title: 'a second store over the same data reads what the first has committed, and the other way round',
    run: async (world) => {
      const { store } = world
      const other = await world.reopen()
      for (const [here, there] of [
        [store, other],
        [other, store],
      ] as const) {
        const one = record(world)
        await commitOne(here, { append: [one], documents: [{ collection: 'c', id: 'd', put: one.id }] })
        assert.equal(ids(await readLog(there)).at(-1), one.id)
        assert.equal((await there.find('c'))[0]?.body, one.id)
      }
      same(
        (await store.readStream(order)).map((event) => event.streamVersion),
        [1, 2],
      )
    },
  },
  {
    promise: 'shared',
    title: 'a commit wakes those who watch the other store',
    run: async (world) => {
      const { store, patience } = world
      const other = await world.reopen()
      let wakes = 0
      const stop = other.watch(() => void wakes++)
      for (let commit = 0; commit < 2; commit++) {
        const before = wakes
        await commitOne(store, { append: [record(world)] })
        await eventually(() => wakes > before, patience)
      }
      stop()
    },
  },
  {
    promise: 'shared',
    title: 'preconditions and repeated units hold across stores',
    run: async (world) => {
      const { store } = world
      const other = await world.reopen()
      const unit = { append: [record(world)], documents: [{ collection: 'c', id: 'd', put: '1' }] }
      const placed = await commitOne(store, unit)
      const again = await commitStatus(other, unit)
      same(placesOf(again), placed)
      assert.ok(again.status === 'committed' && again.repeated)
      assert.equal((await commitStatus(other, { expect: [{ stream: order, version: 0 }] })).status, 'conflict')
      assert.equal(
        (await commitStatus(other, { expect: [{ collection: 'c', id: 'd', version: 0 }] })).status,
        'conflict',
      )
      const [next] = await commitOne(other, { expect: [{ stream: order, version: 1 }], append: [record(world)] })
      assert.equal(next?.streamVersion, 2)
    },
  },
  {
    promise: 'shared',
    title: 'writers of two stores race for one stream: each version is won once',
    run: async (world) => checkRace(world, [world.store, await world.reopen()]),
  },
  {
    promise: 'shared',
    title: 'nothing appears later at or below `through` while both commit',
    run: async (world) => checkThrough(world, await world.reopen()),
  },
  {
    promise: 'shared',
    title: 'closing one leaves the other at work',
    run: async (world) => {
      const other = await world.reopen()
      await commitOne(other, { append: [record(world)] })
      await other.close()
      await commitOne(world.store, { append: [record(world)] })
      assert.equal((await readLog(world.store)).length, 2)
    },
  },
]
