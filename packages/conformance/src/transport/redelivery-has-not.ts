import type { Case } from '../suite/case.ts'
import { records } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { allHear, heard } from './member.ts'
import { listen, publishAll } from './publishing.ts'
import type { TransportWorld } from './transport-world.ts'

/** For transports that deliver at most once. */
export const redeliveryHasNot: readonly Case<TransportWorld>[] = [
  {
    promise: 'no-redelivery',
    title: 'what was delivered is gone, settled or not',
    run: async (world) => {
      const { transport } = world
      const careless = await listen(world, transport, 'group', { settles: false })
      const written = records(world, 10)
      await publishAll(world, transport, written)
      await allHear(world, [careless], written)
      await world.end(careless.consumer.close(), 'close of a consumer')
      const next = await listen(world, transport, 'group')
      const fresh = records(world, 5)
      await publishAll(world, transport, fresh)
      await allHear(world, [next], fresh)
      same(
        heard(next),
        fresh.map((one) => one.id),
      )
    },
  },
]
