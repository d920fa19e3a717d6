import type { Case } from '../suite/case.ts'
import { records } from '../suite/event-records.ts'
import { allHear, allOwned, joinGroup } from './member.ts'
import { listen, publishAll } from './publishing.ts'
import type { TransportWorld } from './transport-world.ts'

/** For transports where what was never settled comes again. */
export const redeliveryHas: readonly Case<TransportWorld>[] = [
  {
    promise: 'redelivery',
    title: 'what a member heard and never settled comes again to the next one',
    run: async (world) => {
      const { transport } = world
      const careless = await listen(world, transport, 'group', { settles: false })
      const written = records(world, 20)
      await publishAll(world, transport, written)
      await allHear(world, [careless], written)
      await world.end(careless.consumer.close(), 'close of a consumer')
      const next = await listen(world, await world.connect(), 'group')
      await allHear(world, [next], written)
    },
  },
  {
    promise: 'redelivery',
    title: 'what died with its member unsettled comes again to another',
    run: async (world) => {
      const mortal = await world.connect()
      const careless = await listen(world, mortal, 'group', { settles: false })
      const written = records(world, 20)
      await publishAll(world, world.transport, written)
      await allHear(world, [careless], written)
      await world.crash(mortal)
      const next = await joinGroup(world, world.transport)
      await allOwned(world, [next], world.takeover)
      await allHear(world, [next], written, world.takeover)
    },
  },
]
