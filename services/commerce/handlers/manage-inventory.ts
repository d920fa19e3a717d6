import { decide, decideAll, type EventBus, type HandlerContext, isEvent, load } from 'tidings'

import { OrderCancelled, OrderPlaced, OrderShipped } from '../contract/order.ts'
import { order } from '../domain/order.ts'
import { reservation, reserveAll, wishesOf } from '../domain/reservation.ts'
import { release, type Stock, ship, stock } from '../domain/stock.ts'

/** Keeps stock for orders, lets go of it, and takes it out: one order after another, so that first come is first served. */
export function manageInventory(bus: EventBus): void {
  bus.subscribe(
    [OrderPlaced, OrderCancelled, OrderShipped],
    { name: 'commerce.inventory', from: 'beginning', priority: 'high', order: 'all' },
    async (event, within) => {
      if (isEvent(event, OrderPlaced)) return keep(bus, event.data, within)
      const { orderId } = event.data
      const { state } = await load(bus, order, orderId)
      const decider = isEvent(event, OrderCancelled) ? release : ship
      for (const { sku } of wishesOf(state.lines)) await decide(bus, stock, sku, decider(sku, orderId), { within })
    },
  )
}

async function keep(
  bus: EventBus,
  { orderId, lines }: { readonly orderId: string; readonly lines: readonly { sku: string; quantity: number }[] },
  within: HandlerContext,
): Promise<void> {
  const wishes = wishesOf(lines)
  await decideAll(
    bus,
    [...wishes.map(({ sku }) => [stock, sku] as const), [reservation, orderId] as const],
    (states) => {
      const all = states as readonly unknown[]
      return reserveAll(orderId, wishes, all.slice(0, -1) as readonly Stock[], all.at(-1) as 'open')
    },
    { within },
  )
}
