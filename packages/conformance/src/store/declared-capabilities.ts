import assert from 'node:assert/strict'

import type { Topic } from '../suite/case.ts'
import { same } from '../suite/same.ts'
import type { StoreWorld } from './store-world.ts'

export const declaredCapabilities: Topic<StoreWorld> = {
  name: 'declared capabilities',
  cases: [
    {
      promise: 'declared',
      title: 'are data with the values of the port, frozen, and the same for every instance',
      run: async ({ store, another }) => {
        const { capabilities } = store
        assert.ok(Object.isFrozen(capabilities), 'capabilities are frozen')
        assert.match(capabilities.name, /^[a-z][a-z0-9-]*$/)
        assert.ok(['memory', 'store'].includes(capabilities.durability), 'durability')
        assert.ok(['process', 'host', 'network'].includes(capabilities.sharing), 'sharing')
        assert.ok(['none', 'sqlite', 'postgres'].includes(capabilities.sql), 'sql')
        const { partitions } = capabilities
        assert.ok(Number.isInteger(partitions) && partitions >= 1 && partitions <= 1_024, 'partitions')
        same((await another()).capabilities, capabilities)
        same(JSON.parse(JSON.stringify(capabilities)), capabilities)
      },
    },
    {
      promise: 'declared',
      title: 'two stores of one process share nothing',
      run: async ({ store, another }) => {
        const other = await another()
        await other.commit([{ documents: [{ collection: 'c', id: 'd', put: 'theirs' }] }])
        same(await store.find('c'), [])
      },
    },
  ],
}
