import type { Case } from '../suite/case.ts'
import { record } from '../suite/event-records.ts'
import { allHear } from './member.ts'
import { listen, publishAll } from './publishing.ts'
import type { TransportWorld } from './transport-world.ts'

/** For transports that declare more than memory: what was answered `stored` survives every connection. */
export const durabilityHas: readonly Case<TransportWorld>[] = [
  {
    promise: 'durable',
    title: 'what was stored is there for a group that knew of it, when everything was closed and opened again',
    run: async (world) => {
      const { transport } = world
      // A broker that keeps no past for strangers keeps it for groups it knows.
      const member = await listen(world, transport, 'group', { request: 0 })
      const written = Array.from({ length: 60 }, (_, at) => record(world, { key: `k-${at % 20}` }))
      await publishAll(world, transport, written)
      await world.end(member.consumer.close(), 'close of a consumer')
      await world.end(transport.close(), 'close')
      const again = await world.connect()
      await allHear(world, [await listen(world, again, 'group')], written)
    },
  },
]
