// #region test
import { given } from 'tidings/testing'
import { describe, it } from 'vitest'

import { reserve, StockReceived, StockRefused, StockReserved, stock } from './stock.ts'

const five = StockReceived.create({ sku: 'tea', quantity: 5 })

describe('reserving', () => {
  it('takes what is there', () =>
    given(stock, five)
      .when(reserve('tea', 3))
      .then(StockReserved.create({ sku: 'tea', quantity: 3 })))

  it('refuses what is not', () =>
    given(stock, five, StockReserved.create({ sku: 'tea', quantity: 3 }))
      .when(reserve('tea', 3))
      .then(StockRefused.create({ sku: 'tea', quantity: 3 })))
})
// #endregion test
