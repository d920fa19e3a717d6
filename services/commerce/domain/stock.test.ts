import { given } from 'tidings/testing'
import { describe, expect, it } from 'vitest'

import {
  StockAdjusted,
  StockOpened,
  StockRanLow,
  StockReceived,
  StockReleased,
  StockReserved,
  StockShipped,
} from '../contract/stock.ts'
import { adjust, availableOf, receive, release, reserve, ship, stock } from './stock.ts'

const sku = 'tea'
const first = '018f0000-0000-7000-8000-000000000001'
const second = '018f0000-0000-7000-8000-000000000002'
const opened = StockOpened.create({ sku, lowAt: 2 })
const ten = StockReceived.create({ sku, quantity: 10 })
const reserved = (orderId: string, quantity: number) => StockReserved.create({ sku, orderId, quantity })

describe('stock', () => {
  it('is kept for an order, once', async () => {
    await given(stock, opened, ten)
      .when(reserve(sku, first, 3))
      .then(reserved(first, 3))
    await given(stock, opened, ten, reserved(first, 3))
      .when(reserve(sku, first, 3))
      .thenNothing()
  })

  it('tells when it runs low, and again only after there was more', async () => {
    const low = (available: number) => StockRanLow.create({ sku, available, lowAt: 2 })
    await given(stock, opened, ten)
      .when(reserve(sku, first, 8))
      .then(reserved(first, 8), low(2))
    const told = given(stock, opened, ten, reserved(first, 8), low(2))
    await told.when(reserve(sku, second, 1)).then(reserved(second, 1))
    await told
      .and(StockReleased.create({ sku, orderId: first, quantity: 8 }))
      .when(reserve(sku, second, 9))
      .then(reserved(second, 9), low(1))
    await told
      .and(ten)
      .when(reserve(sku, second, 5))
      .then(reserved(second, 5))
    await given(stock, opened, ten)
      .when(adjust(sku, 1, 'mice'))
      .then(StockAdjusted.create({ sku, from: 10, to: 1, reason: 'mice' }), low(1))
  })

  it('is let go of, and leaves, for the order that it was kept for', async () => {
    const kept = given(stock, opened, ten, reserved(first, 3))
    await kept.when(release(sku, first)).then(StockReleased.create({ sku, orderId: first, quantity: 3 }))
    await kept.when(release(sku, second)).thenNothing()
    await kept.when(ship(sku, first)).then(StockShipped.create({ sku, orderId: first, quantity: 3 }))
    await kept
      .and(StockShipped.create({ sku, orderId: first, quantity: 3 }))
      .when(ship(sku, first))
      .thenNothing()
    await kept
      .and(StockShipped.create({ sku, orderId: first, quantity: 3 }))
      .when(receive(sku, 1))
      .thenState({ opened: true, onHand: 8, reserved: {}, lowAt: 2, low: false })
  })

  it('is as many as somebody has counted, also where less is left than was promised', async () => {
    await given(stock, opened, ten)
      .when(adjust(sku, 10, 'right'))
      .thenNothing()
    const state = { opened: true, onHand: 1, reserved: { [first]: 3 }, lowAt: 2, low: true }
    await given(stock, opened, ten, reserved(first, 3))
      .when(adjust(sku, 1, 'mice'))
      .thenState(state)
    expect(availableOf(state)).toBe(-2)
  })
})
