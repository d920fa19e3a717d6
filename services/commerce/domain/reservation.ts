import { defineAggregate, type EventDraft, isEvent } from 'tidings'

import { ReservationMade, ReservationRefused } from '../contract/reservation.ts'
import { availableOf, reserve, type Stock } from './stock.ts'

export type Reservation = 'open' | 'made' | 'refused'

/** Whether stock is kept for an order. */
export const reservation = defineAggregate('reservation', {
  initial: (): Reservation => 'open',
  on: [ReservationMade, ReservationRefused],
  evolve: (_state, event): Reservation => (isEvent(event, ReservationMade) ? 'made' : 'refused'),
})

/** What an order asks for, each product once. */
export interface Wish {
  readonly sku: string
  readonly quantity: number
}

/** All that an order asks for is kept for it, or none of it. Decided once. */
export function reserveAll(
  orderId: string,
  wishes: readonly Wish[],
  stocks: readonly Stock[],
  decided: Reservation,
): readonly EventDraft[] {
  if (decided !== 'open') return []
  const missing = wishes.filter(({ quantity }, at) => availableOf(stocks[at] as Stock) < quantity)
  if (missing.length > 0) return [ReservationRefused.create({ orderId, missing: missing.map(({ sku }) => sku) })]
  return [
    ...wishes.flatMap(({ sku, quantity }, at) => reserve(sku, orderId, quantity)(stocks[at] as Stock)),
    ReservationMade.create({ orderId }),
  ]
}

/** Lines of the same product count together. */
export function wishesOf(lines: readonly Wish[]): readonly Wish[] {
  const bySku = new Map<string, number>()
  for (const { sku, quantity } of lines) bySku.set(sku, (bySku.get(sku) ?? 0) + quantity)
  return [...bySku].map(([sku, quantity]) => ({ sku, quantity }))
}
