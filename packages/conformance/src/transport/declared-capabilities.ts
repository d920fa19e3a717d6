import assert from 'node:assert/strict'

import type { Topic } from '../suite/case.ts'
import { same } from '../suite/same.ts'
import type { TransportWorld } from './transport-world.ts'

export const declaredCapabilities: Topic<TransportWorld> = {
  name: 'declared capabilities',
  cases: [
    {
      promise: 'declared',
      title: 'are data with the values of the port, frozen, and the same on every connection',
      run: async (world) => {
        const { capabilities } = world.transport
        assert.ok(Object.isFrozen(capabilities), 'capabilities are frozen')
        assert.match(capabilities.name, /^[a-z][a-z0-9-]*$/)
        assert.ok(['log', 'queue', 'fanout'].includes(capabilities.kind), 'kind')
        assert.ok(['memory', 'store', 'broker'].includes(capabilities.durability), 'durability')
        assert.ok(['stream', 'none'].includes(capabilities.ordering), 'ordering')
        for (const flag of ['groups', 'redelivery', 'replay'] as const)
          assert.equal(typeof capabilities[flag], 'boolean', flag)
        for (const flag of ['topicPartitions', 'remembers'] as const)
          assert.ok(['boolean', 'undefined'].includes(typeof capabilities[flag]), flag)
        assert.ok(Number.isInteger(capabilities.maxBytes) && capabilities.maxBytes > 0, 'maxBytes')
        assert.ok(Number.isInteger(capabilities.partitions) && capabilities.partitions >= 1, 'partitions')
        assert.ok(capabilities.log === undefined || capabilities.log !== '', 'log is a name or undefined')
        same((await world.connect()).capabilities, capabilities)
        same(JSON.parse(JSON.stringify(capabilities)), capabilities)
      },
    },
    {
      promise: 'declared',
      title: 'belong together: a log orders, remembers and delivers again, a fan-out does not deliver again',
      run: async ({ transport }) => {
        const { kind, ordering, replay, redelivery, remembers = false, log } = transport.capabilities
        // A queue keeps what is not settled, and needs no place.
        if (kind !== 'log') same({ remembers, log }, { remembers: false, log: undefined }, 'only logs have places')
        if (kind === 'log')
          same({ ordering, replay, redelivery }, { ordering: 'stream', replay: true, redelivery: true })
        if (kind === 'fanout') same({ replay, redelivery }, { replay: false, redelivery: false })
      },
    },
  ],
}
