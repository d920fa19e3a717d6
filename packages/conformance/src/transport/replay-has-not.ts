import type { Case } from '../suite/case.ts'
import { records } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { allHear, heard } from './member.ts'
import { listen, publishAll } from './publishing.ts'
import type { TransportWorld } from './transport-world.ts'

/** For transports that remember nothing for those who were not there. */
export const replayHasNot: readonly Case<TransportWorld>[] = [
  {
    promise: 'no-replay',
    title: 'a group that comes later hears only what is published from then on',
    run: async (world) => {
      const { transport } = world
      const early = await listen(world, transport, 'early')
      const past = records(world, 10)
      await publishAll(world, transport, past)
      await allHear(world, [early], past)
      const late = await listen(world, transport, 'late')
      const fresh = records(world, 10)
      await publishAll(world, transport, fresh)
      await allHear(world, [late], fresh)
      same(heard(late).toSorted(), fresh.map((one) => one.id).toSorted())
    },
  },
]
