import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { isEvent } from '../events/is-event.ts'
import { createTestBus, type TestWorld } from '../testing/create-test-bus.ts'
import { decide } from './decide.ts'
import { defineAggregate } from './define-aggregate.ts'
import { load } from './load.ts'

const OrderPlaced = defineEvent<{ readonly orderId: string; readonly sku: string }>('order.placed', {
  key: ({ orderId }) => orderId,
})
const Taken = defineEvent<{ readonly sku: string }>('stock.taken', { key: ({ sku }) => sku })
const Refused = defineEvent<{ readonly sku: string }>('stock.refused', { key: ({ sku }) => sku })
const stock = defineAggregate('stock', {
  initial: 10,
  on: [Taken, Refused],
  evolve: (left, event) => (isEvent(event, Taken) ? left - 1 : left),
  snapshot: { every: 4 },
})
const take = (sku: string) => (left: number) => (left > 0 ? Taken : Refused).create({ sku })

describe('a decision inside a handler', () => {
  const crashes = (['crash before', 'crash after'] as const).flatMap((what) =>
    Array.from({ length: 8 }, (_, skip) => [what, skip] as const),
  )
  it.each(crashes)('commits with its mark: %s commit %i, and each order takes one all the same', async (what, skip) => {
    const orders = Array.from({ length: 12 }, (_, at) => OrderPlaced.create({ orderId: `o-${at}`, sku: 'tea' }))
    const serve = ({ bus }: TestWorld): void =>
      bus.subscribe(OrderPlaced, { name: 'stock', concurrency: 2 }, async ({ data }, within) => {
        await decide(bus, stock, data.sku, take(data.sku), { within })
      })
    await using first = await createTestBus()
    serve(first)
    await first.bus.start()
    await first.clock.advance('1s')
    first.faults.add({ what, at: ['settle', 'fence'], skip, times: 1 })
    await first.bus.publish(orders)
    await first.clock.advance('1s')
    expect(first.process.state).toBe('dead')
    await using second = await createTestBus({ beside: first })
    serve(second)
    await second.bus.start()
    await second.clock.advance('30s')
    await second.bus.settled()
    expect(await load(second.bus, stock, 'tea')).toEqual({ state: 0, version: 12 })
    const taken = second.published(Taken)
    expect(taken).toHaveLength(10)
    expect(second.published(Refused)).toHaveLength(2)
    expect(new Set(taken.map(({ context }) => context.causationId)).size).toBe(10)
  })

  it('writes nothing where the handler fails, and everything once where it succeeds later', async () => {
    await using world = await createTestBus()
    const { bus } = world
    bus.subscribe(OrderPlaced, { name: 'stock' }, async ({ data }, within) => {
      await decide(bus, stock, data.sku, take(data.sku), { within })
      if (within.attempt === 1) throw new Error('not yet')
    })
    await bus.publish(OrderPlaced, { orderId: 'o-1', sku: 'tea' })
    await bus.settled()
    expect(await load(bus, stock, 'tea')).toMatchObject({ version: 0 })
    await world.clock.advance('1m')
    expect(await load(bus, stock, 'tea')).toEqual({ state: 9, version: 1 })
  })

  it('sees what the same handler has decided before', async () => {
    await using world = await createTestBus()
    const { bus } = world
    const seen: [number, number][] = []
    bus.subscribe(OrderPlaced, { name: 'stock' }, async ({ data }, within) => {
      for (let n = 0; n < 3; n++) {
        const { state, version, receipts } = await decide(bus, stock, data.sku, take(data.sku), { within })
        expect(receipts).toEqual([])
        seen.push([state, version])
      }
    })
    await bus.publish(OrderPlaced, { orderId: 'o-1', sku: 'tea' })
    await bus.settled()
    expect(seen).toEqual([
      [9, 1],
      [8, 2],
      [7, 3],
    ])
    expect(await load(bus, stock, 'tea')).toEqual({ state: 7, version: 3 })
  })

  it('sees what the same handler decides beside it, also for another aggregate of the stream', async () => {
    await using world = await createTestBus()
    const { bus } = world
    const refusals = defineAggregate('stock', {
      name: 'refusals',
      initial: 0,
      on: [Taken, Refused],
      evolve: (count, event) => (isEvent(event, Refused) ? count + 1 : count),
    })
    bus.subscribe(OrderPlaced, { name: 'stock', retry: { tries: 1 } }, async ({ data }, within) => {
      const slow = async (left: number) => take(data.sku)(left)
      await Promise.all(Array.from({ length: 25 }, () => decide(bus, stock, data.sku, slow, { within })))
      const looked = await decide(bus, refusals, data.sku, () => Refused.create({ sku: data.sku }), { within })
      expect(looked).toMatchObject({ state: 16, version: 26 })
    })
    await bus.publish(OrderPlaced, { orderId: 'o-1', sku: 'tea' })
    await bus.settled()
    expect(world.parked()).toEqual([])
    expect(world.published(Taken)).toHaveLength(10)
    expect(await load(bus, stock, 'tea')).toEqual({ state: 0, version: 26 })
  })

  it('is made again, at no attempt’s cost, where somebody else was faster', async () => {
    await using world = await createTestBus()
    const { bus } = world
    const attempts: number[] = []
    let faster = 2
    bus.subscribe(OrderPlaced, { name: 'stock', retry: { tries: 1 } }, async ({ data }, within) => {
      attempts.push(within.attempt)
      await decide(bus, stock, data.sku, take(data.sku), { within })
      if (faster-- > 0) await decide(bus, stock, data.sku, take(data.sku))
    })
    await bus.publish(OrderPlaced, { orderId: 'o-1', sku: 'tea' })
    await world.clock.advance('10s')
    await bus.settled()
    expect(attempts).toEqual([1, 1, 1])
    expect(await load(bus, stock, 'tea')).toEqual({ state: 7, version: 3 })
    expect(world.parked()).toEqual([])
  })
})
