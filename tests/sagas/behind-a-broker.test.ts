import { defineEvent, defineSaga, operationsOf, step } from 'tidings'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type BrokerWorld, brokerWorld } from '../bridge/broker-world.ts'

const OrderPlaced = defineEvent<{ readonly orderId: string }>('order.placed', { key: (order) => order.orderId })
const StockRequested = defineEvent<{ readonly orderId: string }>('stock.requested', { key: (order) => order.orderId })
const StockReserved = defineEvent<{ readonly orderId: string }>('stock.reserved', { key: (order) => order.orderId })
const StockReleased = defineEvent<{ readonly orderId: string }>('stock.released', { key: (order) => order.orderId })

let world: BrokerWorld
beforeEach(() => {
  world = brokerWorld(7)
})
afterEach(() => world.close())

test('a saga hears what other services publish, and its own events and timers stay at home', async () => {
  const shop = await world.open('shop')
  const stock = await world.open('stock')
  const fulfilment = await world.open('fulfilment')
  stock.bus.subscribe(StockRequested, { name: 'stock' }, async (event, { publish }) => {
    if (event.data.orderId === 'o-1') await publish(StockReserved, { orderId: event.data.orderId })
  })
  fulfilment.bus.use(
    defineSaga('fulfilment', {
      startsWith: OrderPlaced,
      steps: [
        step('reserve', {
          run: (saga) => saga.publish(StockRequested, { orderId: saga.key }),
          waitFor: { event: StockReserved, timeout: '1m' },
          compensate: (saga) => saga.publish(StockReleased, { orderId: saga.key }),
        }),
      ],
    }),
  )
  await world.run(Promise.all([shop.bus.start(), stock.bus.start(), fulfilment.bus.start()]))
  for (const orderId of ['o-1', 'o-2'])
    await world.run(shop.bus.publish(OrderPlaced, { orderId }, { tenantId: 'acme' }))
  const { sagas } = operationsOf(fulfilment.bus)
  const standing = async (): Promise<readonly string[]> =>
    (await sagas.list()).items.map(({ tenant, key, status }) => `${tenant}/${key} ${status}`).toSorted()
  await world.until('the first is done', async () => (await standing()).includes('acme/o-1 done'))
  await world.runtime.advance(70_000)
  await world.until('the second is taken back', async () => (await standing()).includes('acme/o-2 compensated'))
  await world.runtime.advance(10_000)
  const { events } = await world.broker.readAll({ after: 0, limit: 100 })
  expect(events.map(({ record }) => record.type).toSorted()).toEqual([
    'order.placed',
    'order.placed',
    'stock.released',
    'stock.requested',
    'stock.requested',
    'stock.reserved',
  ])
  const own = await fulfilment.store.readAll({ after: 0, limit: 100, types: ['tidings.saga.fulfilment.due'] })
  expect(own.events).toHaveLength(1)
})
