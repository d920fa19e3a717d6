import { defineAggregate, type EventDraft, isEvent } from 'tidings'

import {
  StockAdjusted,
  StockOpened,
  StockRanLow,
  StockReceived,
  StockReleased,
  StockReserved,
  StockShipped,
} from '../contract/stock.ts'

export interface Stock {
  /** Whether stock of it is kept at all. */
  readonly opened: boolean
  readonly onHand: number
  /** By order. */
  readonly reserved: Readonly<Record<string, number>>
  /** When no more than this is available, somebody is told. */
  readonly lowAt: number
  /** Whether somebody has been told, since there was more. */
  readonly low: boolean
}

const initial: Stock = { opened: false, onHand: 0, reserved: {}, lowAt: 0, low: false }

/** What there is of a product, and for whom. */
export const stock = defineAggregate('stock', {
  initial,
  on: [StockOpened, StockReceived, StockAdjusted, StockReserved, StockReleased, StockShipped, StockRanLow],
  evolve(state, event) {
    if (isEvent(event, StockOpened)) return { ...state, opened: true, lowAt: event.data.lowAt }
    if (isEvent(event, StockReceived)) return restocked({ ...state, onHand: state.onHand + event.data.quantity })
    if (isEvent(event, StockAdjusted)) return restocked({ ...state, onHand: event.data.to })
    if (isEvent(event, StockReserved))
      return { ...state, reserved: { ...state.reserved, [event.data.orderId]: event.data.quantity } }
    if (isEvent(event, StockReleased))
      return restocked({ ...state, reserved: without(state.reserved, event.data.orderId) })
    if (isEvent(event, StockShipped)) {
      const { orderId, quantity } = event.data
      return { ...state, onHand: state.onHand - quantity, reserved: without(state.reserved, orderId) }
    }
    return { ...state, low: true }
  },
  snapshot: { every: 50 },
})

/** What may still be sold. */
export function availableOf({ onHand, reserved }: Stock): number {
  return onHand - reservedOf({ reserved })
}

export function reservedOf({ reserved }: Pick<Stock, 'reserved'>): number {
  return Object.values(reserved).reduce((sum, quantity) => sum + quantity, 0)
}

export const receive =
  (sku: string, quantity: number) =>
  (_state: Stock): EventDraft =>
    StockReceived.create({ sku, quantity })

/** Somebody has counted. Nothing happens where the number is right; it may be less than what is promised, for that is how things are. */
export const adjust =
  (sku: string, to: number, reason: string) =>
  (state: Stock): readonly EventDraft[] =>
    to === state.onHand
      ? []
      : [StockAdjusted.create({ sku, from: state.onHand, to, reason }), ...alarm(sku, { ...state, onHand: to })]

/** Keeps goods for an order, and tells when that leaves little. For one that they are kept for already nothing happens. */
export const reserve =
  (sku: string, orderId: string, quantity: number) =>
  (state: Stock): readonly EventDraft[] =>
    state.reserved[orderId] !== undefined
      ? []
      : [
          StockReserved.create({ sku, orderId, quantity }),
          ...alarm(sku, { ...state, reserved: { ...state.reserved, [orderId]: quantity } }),
        ]

export const release =
  (sku: string, orderId: string) =>
  ({ reserved }: Stock): readonly EventDraft[] => {
    const quantity = reserved[orderId]
    return quantity === undefined ? [] : [StockReleased.create({ sku, orderId, quantity })]
  }

export const ship =
  (sku: string, orderId: string) =>
  ({ reserved }: Stock): readonly EventDraft[] => {
    const quantity = reserved[orderId]
    return quantity === undefined ? [] : [StockShipped.create({ sku, orderId, quantity })]
  }

function alarm(sku: string, state: Stock): readonly EventDraft[] {
  const available = availableOf(state)
  return available <= state.lowAt && !state.low ? [StockRanLow.create({ sku, available, lowAt: state.lowAt })] : []
}

/** Once there is more again, the next time is told anew. */
function restocked(state: Stock): Stock {
  return availableOf(state) > state.lowAt ? { ...state, low: false } : state
}

function without(reserved: Stock['reserved'], orderId: string): Stock['reserved'] {
  const { [orderId]: _gone, ...rest } = reserved
  return rest
}
