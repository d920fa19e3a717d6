import type { Case } from '../suite/case.ts'
import { record } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { allHear, heard } from './member.ts'
import { listen, publishAll } from './publishing.ts'
import type { TransportWorld } from './transport-world.ts'

/** For logs that leave it to their readers how far they are. */
export const remembersHasNot: readonly Case<TransportWorld>[] = [
  {
    promise: 'no-remembers',
    title: 'a group that comes again knowing no offset hears everything, whatever it was told to be done',
    run: async (world) => {
      const { transport } = world
      const first = await listen(world, transport, 'group', { ignorant: true })
      const written = Array.from({ length: 40 }, (_, at) => record(world, { key: `k-${at % 20}` }))
      await publishAll(world, transport, written)
      await allHear(world, [first], written)
      await world.end(first.consumer.close(), 'close of a consumer')
      const again = await listen(world, await world.connect(), 'group', { ignorant: true })
      await allHear(world, [again], written)
      same(heard(again).toSorted(), written.map(({ id }) => id).toSorted())
    },
  },
]
