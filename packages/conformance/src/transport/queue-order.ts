import type { Delivery, EventRecord } from 'tidings/spi'

import type { Case } from '../suite/case.ts'
import { records } from '../suite/event-records.ts'
import { eventually } from '../suite/eventually.ts'
import { same } from '../suite/same.ts'
import { allHear, heard, joinGroup, type Member } from './member.ts'
import { listen, publishAll } from './publishing.ts'
import type { TransportWorld } from './transport-world.ts'

const ids = (events: readonly EventRecord[]): string[] => events.map(({ id }) => id)

/** For queues that declare `ordering: 'stream'`: the order holds over what comes again. */
export const queueOrder: readonly Case<TransportWorld>[] = [
  {
    promise: 'again-order',
    title: 'what is given back is the next of its stream to come',
    run: async (world) => {
      const { transport, patience } = world
      const times = new Map<string, number>()
      const member = await joinGroup(world, transport, {
        settles: false,
        request: 1,
        onDelivery(delivery: Delivery, self: Member) {
          const id = delivery.record?.id ?? ''
          times.set(id, (times.get(id) ?? 0) + 1)
          const again = id !== written[0]?.id && times.get(id) === 1
          self.consumer.settle(delivery, again ? 'again' : 'done')
          self.request(1)
        },
      })
      const written = records(world, 6)
      await publishAll(world, transport, written)
      const expected = [written[0], ...written.slice(1).flatMap((one) => [one, one])].map((one) => one?.id ?? '')
      await eventually(() => member.deliveries.length >= expected.length, patience)
      same(heard(member), expected)
    },
  },
  {
    promise: 'again-order',
    title: 'what was handed over behind it and is given back as well comes again behind it',
    run: async (world) => {
      const { transport, patience } = world
      let next = 0
      let stumbled = false
      const member = await joinGroup(world, transport, {
        settles: false,
        onDelivery(delivery: Delivery, self: Member) {
          const fits = delivery.record?.id === written[next]?.id
          const stumbles = fits && next === 20 && !stumbled
          stumbled ||= stumbles
          if (fits && !stumbles) next++
          self.consumer.settle(delivery, fits && !stumbles ? 'done' : 'again')
        },
      })
      // More than a broker looks at in one go: some keep the order of a few only.
      const written = records(world, 100)
      await publishAll(world, transport, written)
      await eventually(() => next === written.length, patience)
      const seen = new Set<string>()
      const turn = heard(member).findIndex((id) => seen.size === seen.add(id).size)
      same(heard(member).slice(turn), ids(written.slice(20)))
    },
  },
  {
    promise: 'return-order',
    title: 'what a member held when it left, or died, comes again in its old order',
    run: async (world) => {
      const { transport } = world
      const written = records(world, 100)
      const mortal = await world.connect()
      const careless = await listen(world, mortal, 'group', { settles: false })
      await publishAll(world, transport, written.slice(0, 60))
      await allHear(world, [careless], written.slice(0, 60))
      await world.crash(mortal)
      const leaving = await joinGroup(world, transport, { settles: false })
      await allHear(world, [leaving], written.slice(0, 60), world.takeover)
      await publishAll(world, transport, written.slice(60))
      await allHear(world, [leaving], written)
      same(heard(leaving), ids(written))
      await world.end(leaving.consumer.close(), 'close of a consumer')
      const next = await joinGroup(world, transport)
      await allHear(world, [next], written)
      same(heard(next), ids(written))
    },
  },
]
