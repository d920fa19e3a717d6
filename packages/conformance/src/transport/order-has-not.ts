import assert from 'node:assert/strict'

import type { Case } from '../suite/case.ts'
import { records } from '../suite/event-records.ts'
import { allHear } from './member.ts'
import { listen, publishAll } from './publishing.ts'
import type { TransportWorld } from './transport-world.ts'

/** For transports that declare `ordering: 'none'`: they owe every event, and nobody may lean on their order. */
export const orderHasNot: readonly Case<TransportWorld>[] = [
  {
    promise: 'no-order',
    title: 'a stream arrives complete, in whatever order, and the instance says so',
    run: async (world) => {
      const { transport } = world
      assert.equal(transport.capabilities.ordering, 'none')
      assert.notEqual(transport.capabilities.kind, 'log', 'a log keeps the order of its partitions')
      const member = await listen(world, transport, 'group')
      const written = records(world, 50)
      await publishAll(world, transport, written)
      await allHear(world, [member], written)
    },
  },
]
