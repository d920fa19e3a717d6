import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { documents } from './collection.ts'
import { defineProjection, on } from './define-projection.ts'

interface Order {
  readonly id: string
  readonly customer: string
  readonly total: number
}

const OrderPlaced = defineEvent<Order>('order.placed')
const OrderPaid = defineEvent<{ readonly id: string }>('order.paid')

const orders = (version = 1) =>
  defineProjection('orders', {
    version,
    keep: '30s',
    documents: { orders: documents<Order & { readonly paid: boolean }>({ index: ({ customer }) => ({ customer }) }) },
    on: [
      on(OrderPlaced, ({ data }, { documents }) => documents.orders.put(data.id, { ...data, paid: false })),
      on(OrderPaid, async ({ data }, { documents }) => {
        const order = await documents.orders.get(data.id)
        if (order !== undefined) documents.orders.put(data.id, { ...order, paid: true })
      }),
    ],
  })

describe('a projection of documents', () => {
  it('begins at the beginning of the log, and shows what events have made', async () => {
    await using world = await createTestBus()
    const { bus } = world
    await bus.publish(OrderPlaced, { id: 'o-1', customer: 'c-1', total: 5 })
    const projection = orders()
    bus.use(projection)
    await bus.start()
    const { position } = await bus.publish(OrderPaid, { id: 'o-1' })
    await bus.settled()
    const { documents: read, ...handle } = projection.of(bus)
    expect(await handle.caughtUpTo(position)).toEqual({ generation: 1, parked: 0 })
    expect(await read.orders.get('o-1')).toEqual({ id: 'o-1', customer: 'c-1', total: 5, paid: true })
    expect(await read.orders.find({ by: { index: 'customer', equal: 'c-1' } })).toHaveLength(1)
    expect(await handle.status()).toMatchObject({ live: 1, generations: [{ state: 'live', lag: 0 }] })
  })

  it('builds a new version beside the old one, switches, and takes the old one away when its time is over', async () => {
    await using world = await createTestBus()
    const first = orders()
    world.bus.use(first)
    for (let n = 0; n < 30; n++) await world.bus.publish(OrderPlaced, { id: `o-${n}`, customer: 'c', total: n })
    await world.bus.settled()
    await using beside = await createTestBus({ beside: world })
    const second = orders(2)
    beside.bus.use(second)
    await beside.bus.start()
    await beside.bus.settled()
    expect(await first.of(world.bus).status()).toMatchObject({
      live: 1,
      generations: [{}, { state: 'building', version: 2 }],
    })
    await world.clock.advance('5s')
    expect(await first.of(world.bus).status()).toMatchObject({
      live: 2,
      generations: [{ state: 'kept' }, { state: 'live', parity: { verdict: 'skipped' } }],
    })
    expect(await first.of(world.bus).documents.orders.find()).toHaveLength(30)
    await world.clock.advance('2m')
    expect((await second.of(beside.bus).status()).generations).toMatchObject([{ number: 2, state: 'live' }])
    expect(await world.store.find('projection:orders:orders:1')).toEqual([])
    expect(await world.store.find('checkpoints', { prefix: 'projection:orders:1/' })).toEqual([])
  })
})
