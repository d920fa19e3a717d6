// #region events
import { defineAggregate, defineEvent, isEvent } from 'tidings'
import { z } from 'zod'

const movement = z.object({ sku: z.string(), quantity: z.int().positive() })
const key = ({ sku }: { sku: string }) => sku

export const StockReceived = defineEvent('stock.received', { schema: movement, key })
export const StockReserved = defineEvent('stock.reserved', { schema: movement, key })
export const StockRefused = defineEvent('stock.refused', { schema: movement, key })
// #endregion events

// #region aggregate
export interface Stock {
  readonly onHand: number
  readonly reserved: number
}

const initial: Stock = { onHand: 0, reserved: 0 }

export const stock = defineAggregate('stock', {
  initial,
  on: [StockReceived, StockReserved, StockRefused],
  evolve(state, event) {
    if (isEvent(event, StockReceived)) return { ...state, onHand: state.onHand + event.data.quantity }
    if (isEvent(event, StockReserved)) return { ...state, reserved: state.reserved + event.data.quantity }
    return state
  },
  snapshot: { every: 100 },
})
// #endregion aggregate

// #region deciders
export const receive = (sku: string, quantity: number) => () => StockReceived.create({ sku, quantity })

export const reserve = (sku: string, quantity: number) => (state: Stock) =>
  state.onHand - state.reserved >= quantity
    ? StockReserved.create({ sku, quantity })
    : StockRefused.create({ sku, quantity })
// #endregion deciders
