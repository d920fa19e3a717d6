// #region first
import { UnavailableError } from 'tidings'
import { createTestBus } from 'tidings/testing'
import { expect, it } from 'vitest'

import { OrderPlaced, reserveStock, StockReserved } from './reserve-stock.ts'

it('reserves what was ordered', async () => {
  await using world = await createTestBus()
  const { bus, published } = world
  bus.subscribe(
    OrderPlaced,
    { name: 'stock' },
    reserveStock(async () => {}),
  )

  await bus.publish(OrderPlaced, { orderId: 'o-1', sku: 'tea', quantity: 2 })
  await bus.settled()

  expect(published(StockReserved).map(({ data }) => data)).toEqual([{ sku: 'tea', orderId: 'o-1' }])
})
// #endregion first

// #region time
it('tries again for minutes, in no time', async () => {
  await using world = await createTestBus()
  const { bus, clock, published, parked } = world
  let open = false
  const warehouse = async (): Promise<void> => {
    if (!open) throw new Error('The warehouse answers nonsense')
  }
  bus.subscribe(OrderPlaced, { name: 'stock', retry: { tries: 3, backoff: ['1m', '5m'] } }, reserveStock(warehouse))

  await bus.publish(OrderPlaced, { orderId: 'o-1', sku: 'tea', quantity: 2 })
  const { waiting } = await bus.settled()
  expect(waiting).toMatchObject([
    { subscription: 'stock', what: 'parked', stream: 'order/o-1', attempts: 1, in: 60_000 },
  ])

  open = true
  await clock.advance('1m')
  await bus.settled()
  expect(published(StockReserved)).toHaveLength(1)
  expect(parked()).toEqual([])
})
// #endregion time

// #region outage
it('spends no attempt while the warehouse cannot be reached', async () => {
  await using world = await createTestBus()
  const { bus, clock, published, parked } = world
  let open = false
  const warehouse = async (): Promise<void> => {
    if (!open) throw new UnavailableError('The warehouse is closed')
  }
  bus.subscribe(OrderPlaced, { name: 'stock', retry: { tries: 1 } }, reserveStock(warehouse))

  await bus.publish(OrderPlaced, { orderId: 'o-1', sku: 'tea', quantity: 2 })
  await clock.advance('10m')
  expect(parked()).toEqual([])

  open = true
  await clock.advance('1m')
  await bus.settled()
  expect(published(StockReserved)).toHaveLength(1)
})
// #endregion outage

// #region crash
it('reserves once in our books, also when the process dies at the worst moment', async () => {
  await using first = await createTestBus()
  first.bus.subscribe(
    OrderPlaced,
    { name: 'stock' },
    reserveStock(async () => {}),
  )
  await first.bus.start()
  await first.bus.settled()

  first.faults.add({ what: 'crash after', at: 'settle', times: 1 })
  await first.bus.publish(OrderPlaced, { orderId: 'o-1', sku: 'tea', quantity: 2 })
  await first.clock.advance('1s')

  await using second = await createTestBus({ beside: first })
  second.bus.subscribe(
    OrderPlaced,
    { name: 'stock' },
    reserveStock(async () => {}),
  )
  await second.bus.start()
  await second.clock.advance('10s') // the dead process loses its partitions after five
  await second.bus.settled()

  expect(second.published(StockReserved)).toHaveLength(1)
})
// #endregion crash
