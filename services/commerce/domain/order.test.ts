import { given } from 'tidings/testing'
import { describe, expect, it } from 'vitest'

import { OrderCancelled, OrderConfirmed, OrderPlaced, OrderRejected, OrderShipped } from '../contract/order.ts'
import { ReservationMade, ReservationRefused } from '../contract/reservation.ts'
import { StockReserved } from '../contract/stock.ts'
import { cancel, confirm, order, place, reject, ship } from './order.ts'
import { reserveAll, wishesOf } from './reservation.ts'

const orderId = '018f0000-0000-7000-8000-000000000001'
const customerId = '018f0000-0000-7000-8000-0000000000aa'
const lines = [
  { sku: 'tea', quantity: 2, price: 350 },
  { sku: 'rum', quantity: 1, price: 1_990 },
]
const placed = OrderPlaced.create({ orderId, customerId, lines, total: 2_690 })
const confirmed = OrderConfirmed.create({ orderId })
const rejected = OrderRejected.create({ orderId, reason: 'out-of-stock', missing: ['rum'] })
const cancelled = OrderCancelled.create({ orderId })
const shipped = OrderShipped.create({ orderId })

describe('an order', () => {
  it('is placed once, with its total', async () => {
    await given(order)
      .when(place(orderId, customerId, lines))
      .then(placed)
    await given(order, placed)
      .when(place(orderId, customerId, []))
      .thenNothing()
  })

  it('is confirmed or rejected as long as nobody has done anything else', async () => {
    await given(order, placed).when(confirm(orderId)).then(confirmed)
    await given(order, placed)
      .when(reject(orderId, ['rum']))
      .then(rejected)
    for (const decider of [confirm(orderId), reject(orderId, ['rum'])]) {
      for (const later of [confirmed, rejected, cancelled])
        await given(order, placed, later).when(decider).thenNothing()
      await given(order).when(decider).thenNothing()
    }
  })

  it('may be cancelled until it is shipped', async () => {
    await given(order, placed).when(cancel(orderId)).then(cancelled)
    await given(order, placed, confirmed).when(cancel(orderId)).then(cancelled)
    await given(order, placed, cancelled).when(cancel(orderId)).thenNothing()
    await given(order, placed, confirmed, shipped).when(cancel(orderId)).thenThrows('OrderNotReady')
    await given(order, placed, rejected).when(cancel(orderId)).thenThrows('The order is rejected')
    await given(order).when(cancel(orderId)).thenThrows('The order is unknown')
  })

  it('is shipped once it is confirmed', async () => {
    await given(order, placed, confirmed).when(ship(orderId)).then(shipped)
    await given(order, placed, confirmed, shipped).when(ship(orderId)).thenNothing()
    await given(order, placed).when(ship(orderId)).thenThrows('OrderNotReady')
  })
})

describe('a reservation', () => {
  const of = (onHand: number) => ({ opened: true, onHand, reserved: {}, lowAt: 0, low: false })
  const wishes = wishesOf([...lines, { sku: 'tea', quantity: 1 }])

  it('counts lines of the same product together', () => {
    expect(wishes).toEqual([
      { sku: 'tea', quantity: 3 },
      { sku: 'rum', quantity: 1 },
    ])
  })

  it('keeps all or nothing, and is decided once', () => {
    expect(reserveAll(orderId, wishes, [of(4), of(2)], 'open')).toEqual([
      StockReserved.create({ sku: 'tea', orderId, quantity: 3 }),
      StockReserved.create({ sku: 'rum', orderId, quantity: 1 }),
      ReservationMade.create({ orderId }),
    ])
    expect(reserveAll(orderId, wishes, [of(2), of(0)], 'open')).toEqual([
      ReservationRefused.create({ orderId, missing: ['tea', 'rum'] }),
    ])
    expect(reserveAll(orderId, wishes, [of(3), of(1)], 'made')).toEqual([])
  })
})
