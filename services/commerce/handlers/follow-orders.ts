import { decide, type EventBus, isEvent } from 'tidings'

import { ReservationMade, ReservationRefused } from '../contract/reservation.ts'
import { confirm, order, reject } from '../domain/order.ts'

/** An order is confirmed once its stock is kept, and rejected where that cannot be. */
export function followOrders(bus: EventBus): void {
  bus.subscribe(
    [ReservationMade, ReservationRefused],
    { name: 'commerce.order-lifecycle', from: 'beginning', priority: 'high', concurrency: 10 },
    async (event, within) => {
      const { orderId } = event.data
      const decider = isEvent(event, ReservationRefused) ? reject(orderId, event.data.missing) : confirm(orderId)
      await decide(bus, order, orderId, decider, { within })
    },
  )
}
