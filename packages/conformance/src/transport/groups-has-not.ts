import assert from 'node:assert/strict'

import { isTidingsError } from 'tidings/spi'

import type { Case } from '../suite/case.ts'
import { record } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { allHear, heard, joinGroup, type Member } from './member.ts'
import { publishAll } from './publishing.ts'
import type { TransportWorld } from './transport-world.ts'

/** For transports that cannot share work: whoever subscribes hears everything, or is refused. */
export const groupsHasNot: readonly Case<TransportWorld>[] = [
  {
    promise: 'no-groups',
    title: 'a second member of a group is refused with TIDINGS_NOT_SUPPORTED, or hears every event as the first does',
    run: async (world) => {
      const { transport } = world
      const first = await joinGroup(world, transport)
      let second: Member | undefined
      try {
        second = await joinGroup(world, await world.connect())
      } catch (error) {
        assert.ok(isTidingsError(error, 'TIDINGS_NOT_SUPPORTED'), String(error))
      }
      const written = Array.from({ length: 30 }, (_, at) => record(world, { key: `k-${at}` }))
      await publishAll(world, transport, written)
      for (const member of [first, ...(second === undefined ? [] : [second])]) {
        await allHear(world, [member], written)
        same(heard(member).toSorted(), written.map((one) => one.id).toSorted())
      }
    },
  },
  {
    promise: 'no-groups',
    title: 'an exclusive subscription is refused with TIDINGS_NOT_SUPPORTED, for nobody could keep its word',
    run: async (world) => {
      await assert.rejects(joinGroup(world, world.transport, { exclusive: true }), (error) =>
        isTidingsError(error, 'TIDINGS_NOT_SUPPORTED'),
      )
    },
  },
]
