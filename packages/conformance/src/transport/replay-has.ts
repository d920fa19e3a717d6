import type { EventRecord } from 'tidings/spi'

import { allEnd } from '../suite/all-end.ts'
import type { Case } from '../suite/case.ts'
import { record } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { allHear, heard, type Member } from './member.ts'
import { listen, publishAll } from './publishing.ts'
import type { TransportWorld } from './transport-world.ts'

/** For transports whose reading can begin in the past. */
export const replayHas: readonly Case<TransportWorld>[] = [
  {
    promise: 'replay',
    title: 'who comes later hears everything from the beginning, then what is new, each once and without a gap',
    run: async (world) => {
      const { transport, volumes } = world
      const past = Array.from({ length: volumes.events }, (_, at) => record(world, { key: `k-${at % 20}` }))
      await publishAll(world, transport, past)
      const live: EventRecord[] = []
      const publishMore = async (): Promise<void> => {
        for (let at = 0; at < 20; at++) {
          const batch = [record(world, { key: `k-${at}` }), record(world, { key: 'k-0' })]
          live.push(...batch)
          await publishAll(world, transport, batch)
        }
      }
      const joinLate = async (): Promise<Member> => listen(world, await world.connect(), 'late')
      const [late] = await allEnd([joinLate(), publishMore()] as const)
      const written = [...past, ...live]
      await allHear(world, [late], written)
      same(heard(late).toSorted(), written.map((one) => one.id).toSorted())
      for (const key of ['k-0', 'k-7']) {
        const own = late.deliveries
          .filter((delivery) => delivery.record?.key === key)
          .map((delivery) => delivery.record?.id)
        same(
          own,
          written.filter((one) => one.key === key).map((one) => one.id),
          `order of stream ${key} over the switch`,
        )
      }
    },
  },
]
