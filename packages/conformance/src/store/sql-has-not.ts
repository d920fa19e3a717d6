import assert from 'node:assert/strict'

import { isSqlStore, isTidingsError } from 'tidings/spi'

import type { Case } from '../suite/case.ts'
import { record } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { readLog } from './commits.ts'
import type { StoreWorld } from './store-world.ts'

/** For stores that run no SQL. */
export const sqlHasNot: readonly Case<StoreWorld>[] = [
  {
    promise: 'no-sql',
    title: 'a unit with statements is refused with TIDINGS_NOT_SUPPORTED and writes nothing; its neighbours commit',
    run: async (world) => {
      const { store } = world
      const results = await store.commit([
        { append: [record(world)] },
        {
          append: [record(world)],
          documents: [{ collection: 'c', id: 'd', put: '' }],
          statements: [{ text: ['select 1'], values: [] }],
        },
        { append: [record(world)], statements: [] },
      ])
      same(
        results.map((result) => result.status),
        ['committed', 'refused', 'committed'],
      )
      const refused = results[1]
      assert.ok(refused?.status === 'refused' && isTidingsError(refused.error, 'TIDINGS_NOT_SUPPORTED'))
      same([(await readLog(store)).length, await store.find('c')], [2, []])
    },
  },
  {
    promise: 'no-sql',
    title: 'it offers neither begin nor query',
    run: async ({ store }) => same(['begin' in store, 'query' in store, isSqlStore(store)], [false, false, false]),
  },
]
