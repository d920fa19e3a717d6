import assert from 'node:assert/strict'

import type { EventRecord, Transport } from 'tidings/spi'

import type { Topic } from '../suite/case.ts'
import { record, records } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { allHear, allOwned, heard, joinGroup, type Member } from './member.ts'
import type { TransportWorld } from './transport-world.ts'

/** Publishes and insists that every event was stored. */
export async function publishAll(
  world: TransportWorld,
  transport: Transport,
  batch: readonly EventRecord[],
): Promise<void> {
  const outcomes = await world.end(transport.publish(batch), 'publish')
  for (const outcome of outcomes) assert.equal(outcome.status, 'stored')
}

/** A member of a group of its own that owns everything and hears everything. */
export async function listen(
  world: TransportWorld,
  transport: Transport,
  group: string,
  options = {},
): Promise<Member> {
  const member = await joinGroup(world, transport, { group, ...options })
  await allOwned(world, [member])
  return member
}

export const publishing: Topic<TransportWorld> = {
  name: 'publishing',
  cases: [
    {
      promise: 'delivers',
      title: 'answers each event in its place, and an empty batch with nothing',
      run: async (world) => {
        const { transport } = world
        same(await world.end(transport.publish([])), [])
        for (const count of [1, 25]) {
          const outcomes = await world.end(transport.publish(records(world, count)), 'publish')
          same(
            outcomes,
            Array.from({ length: count }, () => ({ status: 'stored' })),
          )
        }
      },
    },
    {
      promise: 'delivers',
      title: 'every group hears every event, once where nothing fails',
      run: async (world) => {
        const { transport, volumes } = world
        const members = [
          await listen(world, transport, 'first'),
          await listen(world, transport, 'second'),
          await listen(world, await world.connect(), 'third'),
        ]
        const written = Array.from({ length: volumes.events }, (_, at) => record(world, { key: `k-${at % 20}` }))
        for (let at = 0; at < written.length; at += 50) await publishAll(world, transport, written.slice(at, at + 50))
        for (const member of members) {
          await allHear(world, [member], written)
          same(heard(member).toSorted(), written.map((one) => one.id).toSorted())
        }
      },
    },
    {
      promise: 'delivers',
      title: 'what another connection publishes arrives as well, also when many publish at once',
      run: async (world) => {
        const member = await listen(world, world.transport, 'group')
        const transports = [world.transport, await world.connect(), await world.connect()]
        const written = await Promise.all(
          transports.map(async (transport, at) => {
            const own = records(world, 40, { key: `k-${at}`, source: `/${at}` })
            await Promise.all([
              publishAll(world, transport, own.slice(0, 20)),
              publishAll(world, transport, own.slice(20)),
            ])
            return own
          }),
        )
        await allHear(world, [member], written.flat())
        assert.equal(member.deliveries.length, 120)
      },
    },
    {
      promise: 'topics',
      title: 'a member hears the categories it names and no other; without names it hears all',
      run: async (world) => {
        const { transport } = world
        const orders = await listen(world, transport, 'orders', { topics: ['order'] })
        const two = await listen(world, transport, 'two', { topics: ['customer', 'order-line', 'nothing'] })
        const all = await listen(world, transport, 'all')
        const written = ['order', 'customer', 'order-line', 'orde', 'order'].map((category, at) =>
          record(world, { category, key: `k-${at}` }),
        )
        await publishAll(world, transport, written)
        const last = record(world, { category: 'order-line' })
        const lastOrder = record(world)
        await publishAll(world, transport, [last, lastOrder])
        await allHear(world, [all], [...written, last, lastOrder])
        const of = (...categories: string[]): EventRecord[] =>
          [...written, last, lastOrder].filter(({ category }) => categories.includes(category))
        for (const [member, categories] of [
          [orders, ['order']],
          [two, ['customer', 'order-line']],
        ] as const) {
          await allHear(world, [member], of(...categories))
          same(
            heard(member).toSorted(),
            of(...categories)
              .map((one) => one.id)
              .toSorted(),
          )
        }
      },
    },
    {
      promise: 'abort',
      title: 'a signal that has aborted, or aborts on the way, leaves an answer for each event: stored or unknown',
      run: async (world) => {
        const { transport } = world
        const member = await listen(world, transport, 'group')
        const before = records(world, 3)
        const outcomes = await world.end(transport.publish(before, AbortSignal.abort(new Error('too late'))), 'publish')
        const during = records(world, 3)
        const control = new AbortController()
        const flying = transport.publish(during, control.signal)
        control.abort(new Error('enough'))
        const answered = [...outcomes, ...(await world.end(flying, 'publish'))]
        assert.equal(answered.length, 6)
        for (const outcome of answered)
          assert.ok(
            outcome.status === 'stored' || (outcome.status === 'unknown' && outcome.error instanceof Error),
            outcome.status,
          )
        const after = records(world, 2)
        await publishAll(world, transport, after)
        const stored = [...before, ...during].filter((_, at) => answered[at]?.status === 'stored')
        await allHear(world, [member], [...stored, ...after])
      },
    },
    {
      promise: 'abort',
      title: 'a signal that aborts after the answer changes nothing',
      run: async (world) => {
        const { transport } = world
        const member = await listen(world, transport, 'group')
        const control = new AbortController()
        const written = records(world, 2)
        const outcomes = await world.end(transport.publish(written, control.signal), 'publish')
        control.abort(new Error('late'))
        same(outcomes, [{ status: 'stored' }, { status: 'stored' }])
        await allHear(world, [member], written)
      },
    },
  ],
}
