import assert from 'node:assert/strict'

import { isTidingsError, type Store } from 'tidings/spi'

import type { Case } from '../suite/case.ts'
import { record } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { commitOne, readLog } from './commits.ts'
import type { StoreWorld } from './store-world.ts'

/** For stores that one process owns: `sharing` is `process`. */
export const sharingHasNot: readonly Case<StoreWorld>[] = [
  {
    promise: 'alone',
    title: 'a second store at the same place is refused with a coded error, or has nothing to do with the first',
    run: async (world) => {
      const { store, backend, place } = world
      await commitOne(store, { append: [record(world)] })
      let second: Store
      try {
        second = await (backend.reopen ?? backend.create)(place)
      } catch (error) {
        assert.ok(isTidingsError(error), `expected a TidingsError, got ${String(error)}`)
        return
      }
      try {
        same(await readLog(second), [])
        await commitOne(second, { append: [record(world), record(world)] })
        assert.equal((await readLog(store)).length, 1)
      } finally {
        await second.close()
      }
    },
  },
]
