import assert from 'node:assert/strict'

import type { Case } from '../suite/case.ts'
import { records } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { allHear, heard, joinGroup } from './member.ts'
import { listen, publishAll } from './publishing.ts'
import type { TransportWorld } from './transport-world.ts'

/** For fan-outs: each consumer hears for itself. */
export const fanoutHearing: readonly Case<TransportWorld>[] = [
  {
    promise: 'fanout',
    title: 'a consumer that asks for nothing holds nobody up, and hears what was sent meanwhile once it asks',
    run: async (world) => {
      const { transport } = world
      const slow = await joinGroup(world, transport, { group: 'slow', request: 0 })
      const quick = await listen(world, await world.connect(), 'quick')
      const written = records(world, 20)
      await publishAll(world, transport, written)
      await allHear(world, [quick], written)
      assert.equal(slow.deliveries.length, 0)
      slow.request(written.length)
      await allHear(world, [slow], written)
      for (const member of [slow, quick])
        same(
          heard(member),
          written.map((one) => one.id),
        )
    },
  },
]
