// #region spec
import { sqlite } from '@tidings/sqlite'
import { sql } from 'tidings'
import { projectionSpec } from 'tidings/testing'
import { expect, it } from 'vitest'

import { OrderCancelled, OrderPlaced, orders } from './orders.ts'

it('shows what is not cancelled', () =>
  projectionSpec(orders, { store: sqlite(':memory:') })
    .given(
      OrderPlaced.create({ orderId: 'o-1', customerId: 'ada', total: 40 }),
      OrderPlaced.create({ orderId: 'o-2', customerId: 'ada', total: 2 }),
    )
    .when(OrderCancelled.create({ orderId: 'o-2' }))
    .shows(async ({ query, tables }) =>
      expect(await query(sql`select id, total from ${tables.orders}`)).toEqual([{ id: 'o-1', total: 40 }]),
    ))
// #endregion spec
