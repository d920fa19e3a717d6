import { type DataOf, defineAggregate, type EventDraft, isEvent } from 'tidings'

import { OrderCancelled, OrderConfirmed, OrderPlaced, OrderRejected, OrderShipped } from '../contract/order.ts'

export type OrderLine = DataOf<typeof OrderPlaced>['lines'][number]

export interface Order {
  readonly status: 'unknown' | 'placed' | 'confirmed' | 'rejected' | 'cancelled' | 'shipped'
  readonly customerId: string
  readonly lines: readonly OrderLine[]
  /** In cents. */
  readonly total: number
  /** What was not there, of one that was rejected. */
  readonly missing: readonly string[]
}

const initial: Order = { status: 'unknown', customerId: '', lines: [], total: 0, missing: [] }

/** An order, from the first wish to the parcel. */
export const order = defineAggregate('order', {
  initial,
  on: [OrderPlaced, OrderConfirmed, OrderRejected, OrderCancelled, OrderShipped],
  evolve(state, event): Order {
    if (isEvent(event, OrderPlaced)) {
      const { customerId, lines, total } = event.data
      return { ...state, status: 'placed', customerId, lines, total }
    }
    if (isEvent(event, OrderRejected)) return { ...state, status: 'rejected', missing: event.data.missing }
    if (isEvent(event, OrderConfirmed)) return { ...state, status: 'confirmed' }
    return { ...state, status: isEvent(event, OrderCancelled) ? 'cancelled' : 'shipped' }
  },
})

/** Nothing happens where the order is there already. */
export const place =
  (orderId: string, customerId: string, lines: readonly OrderLine[]) =>
  ({ status }: Order): EventDraft | undefined =>
    status === 'unknown'
      ? OrderPlaced.create({
          orderId,
          customerId,
          lines: [...lines],
          total: lines.reduce((sum, { quantity, price }) => sum + quantity * price, 0),
        })
      : undefined

/** The stock is kept for it. One that was cancelled meanwhile stays so. */
export const confirm =
  (orderId: string) =>
  ({ status }: Order): EventDraft | undefined =>
    status === 'placed' ? OrderConfirmed.create({ orderId }) : undefined

export const reject =
  (orderId: string, missing: readonly string[]) =>
  ({ status }: Order): EventDraft | undefined =>
    status === 'placed' ? OrderRejected.create({ orderId, reason: 'out-of-stock', missing: [...missing] }) : undefined

/** What the order is not ready for. */
export class OrderNotReady extends Error {
  override readonly name = 'OrderNotReady'
  readonly status: Order['status']
  constructor(status: Order['status']) {
    super(`The order is ${status}`)
    this.status = status
  }
}

/** Until it is shipped; again changes nothing. Throws `OrderNotReady`. */
export const cancel =
  (orderId: string) =>
  ({ status }: Order): EventDraft | undefined => {
    if (status === 'cancelled') return undefined
    if (status !== 'placed' && status !== 'confirmed') throw new OrderNotReady(status)
    return OrderCancelled.create({ orderId })
  }

/** Once it is confirmed; again changes nothing. Throws `OrderNotReady`. */
export const ship =
  (orderId: string) =>
  ({ status }: Order): EventDraft | undefined => {
    if (status === 'shipped') return undefined
    if (status !== 'confirmed') throw new OrderNotReady(status)
    return OrderShipped.create({ orderId })
  }
