import assert from 'node:assert/strict'

import type { Case } from '../suite/case.ts'
import { record } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { commitOne, readLog } from './commits.ts'
import type { StoreWorld } from './store-world.ts'

/** For stores that declare `durability: 'memory'`. */
export const durabilityHasNot: readonly Case<StoreWorld>[] = [
  {
    promise: 'memory-only',
    title: 'a store that declares to forget does forget: what opens at that place later is empty',
    run: async (world) => {
      const { store, backend, place } = world
      await commitOne(store, {
        append: [record(world)],
        documents: [{ collection: 'c', id: 'd', put: '' }],
      })
      await store.close()
      const again = await (backend.reopen ?? backend.create)(place)
      try {
        assert.equal(again.capabilities.durability, 'memory')
        same([await readLog(again), await again.find('c')], [[], []])
      } finally {
        await again.close()
      }
    },
  },
]
