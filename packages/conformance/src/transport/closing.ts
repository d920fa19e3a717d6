import assert from 'node:assert/strict'

import { isTidingsError, type Sink } from 'tidings/spi'

import { allEnd } from '../suite/all-end.ts'
import type { Topic } from '../suite/case.ts'
import { record, records } from '../suite/event-records.ts'
import { eventually } from '../suite/eventually.ts'
import { same } from '../suite/same.ts'
import { allHear, joinGroup, type Member, offencesOf } from './member.ts'
import { listen, publishAll } from './publishing.ts'
import type { TransportWorld } from './transport-world.ts'

const nobody: Sink = {
  assigned: async (partitions) => partitions.map(() => 0),
  revoked: async () => {},
  lost: () => {},
  deliver: () => {},
  scanned: () => {},
  ended: () => {},
}

export const closing: Topic<TransportWorld> = {
  name: 'closing',
  cases: [
    {
      promise: 'close',
      title: 'a consumer gives back what it owns, then hears nothing more; closing again is harmless',
      run: async (world) => {
        const { transport } = world
        const member = await listen(world, transport, 'group')
        const clock = await listen(world, transport, 'clock')
        await publishAll(world, transport, records(world, 5))
        const closes = [member.consumer.close(), member.consumer.close()]
        await world.end(Promise.all(closes), 'close of a consumer')
        await world.end(member.consumer.close(), 'close of a consumer')
        assert.equal(member.owned.size, 0, '`revoked` was called for everything it owned')
        const silent = member.deliveries.length
        const written = records(world, 5)
        await publishAll(world, transport, written)
        await allHear(world, [clock], written)
        member.consumer.request(10)
        const last = records(world, 1)
        await publishAll(world, transport, last)
        await allHear(world, [clock], last)
        assert.equal(member.deliveries.length, silent)
        same(offencesOf([member], 'ended'), [])
      },
    },
    {
      promise: 'close',
      title: 'closing from inside a delivery works, and stops the deliveries',
      run: async (world) => {
        const { transport, patience } = world
        let closed: Promise<void> | undefined
        const clock = await listen(world, transport, 'clock')
        const member = await listen(world, transport, 'group', {
          request: 1,
          onDelivery: (_: unknown, self: Member) => {
            closed ??= self.consumer.close()
          },
        })
        const written = Array.from({ length: 30 }, (_, at) => record(world, { key: `k-${at}` }))
        await publishAll(world, transport, written.slice(0, 20))
        await eventually(() => closed !== undefined, patience)
        await world.end(closed ?? Promise.resolve(), 'close of a consumer')
        const silent = member.deliveries.length
        member.consumer.request(10)
        await publishAll(world, transport, written.slice(20))
        await allHear(world, [clock], written)
        assert.equal(member.deliveries.length, silent)
        assert.equal(member.owned.size, 0)
      },
    },
    {
      promise: 'close',
      title: 'a transport closes its consumers; it may be closed often, at once, and under load',
      run: async (world) => {
        const { transport } = world
        const members = [await listen(world, transport, 'first'), await listen(world, transport, 'second')]
        const publishing = Array.from({ length: 10 }, () => transport.publish(records(world, 5)))
        const closing = [transport.close(), transport.close(), transport.close()]
        const [answers] = await world.end(
          allEnd([Promise.allSettled(publishing), Promise.all(closing)] as const),
          'publish or close',
        )
        await world.end(transport.close(), 'close')
        for (const answer of answers) {
          if (answer.status === 'rejected') {
            assert.ok(isTidingsError(answer.reason, 'TIDINGS_CLOSED'), String(answer.reason))
          }
        }
        same(
          members.map((member) => member.owned.size),
          [0, 0],
        )
        same(offencesOf(members, 'ended'), [])
        for (const member of members) await world.end(member.consumer.close(), 'close of a consumer')
      },
    },
    {
      promise: 'close',
      title: 'afterwards publish and subscribe reject with TIDINGS_CLOSED',
      run: async (world) => {
        const { transport } = world
        await world.end(transport.close(), 'close')
        for (const call of [
          () => transport.publish(records(world, 1)),
          () => transport.publish([]),
          () => transport.subscribe({ group: 'late' }, nobody),
        ]) {
          await assert.rejects(world.end<unknown>(call(), 'A call'), (error) => isTidingsError(error, 'TIDINGS_CLOSED'))
        }
      },
    },
    {
      promise: 'close',
      title: 'a consumer that closes before its first assignment has ended ends too',
      run: async (world) => {
        const gate = Promise.withResolvers<void>()
        const member = await joinGroup(world, world.transport, { beforeAssigned: () => gate.promise })
        const closed = member.consumer.close()
        gate.resolve()
        await world.end(closed, 'close of a consumer')
        assert.equal(member.owned.size, 0)
        same(member.deliveries, [])
      },
    },
    {
      promise: 'close',
      title: 'one connection that closes leaves the others at work',
      run: async (world) => {
        const other = await world.connect()
        const member = await listen(world, world.transport, 'group')
        await publishAll(world, other, records(world, 3))
        await world.end(other.close(), 'close')
        const written = records(world, 3)
        await publishAll(world, world.transport, written)
        await allHear(world, [member], written)
      },
    },
  ],
}
