import type { AnyEventDefinition } from 'tidings'

import { OrderCancelled, OrderConfirmed, OrderPlaced, OrderRejected, OrderShipped } from './order.ts'
import { ProductCreated } from './product.ts'
import { ReservationMade, ReservationRefused } from './reservation.ts'
import {
  StockAdjusted,
  StockOpened,
  StockRanLow,
  StockReceived,
  StockReleased,
  StockReserved,
  StockShipped,
} from './stock.ts'

export {
  OrderCancelled,
  OrderConfirmed,
  OrderPlaced,
  OrderRejected,
  OrderShipped,
  ProductCreated,
  ReservationMade,
  ReservationRefused,
  StockAdjusted,
  StockOpened,
  StockRanLow,
  StockReceived,
  StockReleased,
  StockReserved,
  StockShipped,
}

/** All that commerce publishes. */
export const commerceEvents: readonly AnyEventDefinition[] = [
  ProductCreated,
  StockOpened,
  StockReceived,
  StockAdjusted,
  StockReserved,
  StockReleased,
  StockShipped,
  StockRanLow,
  ReservationMade,
  ReservationRefused,
  OrderPlaced,
  OrderConfirmed,
  OrderRejected,
  OrderCancelled,
  OrderShipped,
]
