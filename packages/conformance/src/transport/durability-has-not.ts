import type { Case } from '../suite/case.ts'
import { records } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { allHear } from './member.ts'
import { listen, publishAll } from './publishing.ts'
import type { TransportWorld } from './transport-world.ts'

/** For transports that declare `durability: 'memory'`. */
export const durabilityHasNot: readonly Case<TransportWorld>[] = [
  {
    promise: 'memory-only',
    title: 'what it stores lives in memory, and every connection to it says so',
    run: async (world) => {
      const other = await world.connect()
      same([world.transport.capabilities.durability, other.capabilities.durability], ['memory', 'memory'])
      const member = await listen(world, other, 'group')
      const written = records(world, 5)
      await publishAll(world, other, written)
      await allHear(world, [member], written)
    },
  },
]
