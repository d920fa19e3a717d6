import { defineEvent, type EventDefinition } from 'tidings'

/** What the simulated publishers say. */
export interface Order {
  /** Unique for every call of publish, whatever becomes of it. */
  readonly token: string
  readonly key: string
  /** How this event makes some handlers fail until somebody mends it: `error` attempt by attempt, `permanent` at once. */
  readonly poison?: 'error' | 'permanent'
}

export interface Note {
  readonly token: string
  readonly key: string
  /** Id of the order it follows from. */
  readonly of: string
}

const keyOf = (data: { readonly key: string }): string => data.key
const untyped = defineEvent as unknown as <Data>(
  type: string,
  options: { key: (data: Data) => string; priority?: 'low' | 'critical' },
) => EventDefinition<Data, Data>

export const OrderPlaced: EventDefinition<Order, Order> = untyped<Order>('order.placed', { key: keyOf })
export const OrderPaid: EventDefinition<Order, Order> = untyped<Order>('order.paid', {
  key: keyOf,
  priority: 'critical',
})
export const OrderSeen: EventDefinition<Order, Order> = untyped<Order>('order.seen', { key: keyOf, priority: 'low' })
export const NoteTaken: EventDefinition<Note, Note> = untyped<Note>('note.taken', { key: keyOf })
