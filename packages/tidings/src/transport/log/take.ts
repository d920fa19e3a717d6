import type { Position } from '../../store/store.ts'
import type { Delivery } from '../transport.ts'
import type { Cursor } from './cursors.ts'
import { asDelivery, type RecentEvents } from './recent-events.ts'

/**
 * The next deliveries for a near cursor, `room` at most. Moves it behind them and behind what does not concern it, at most to
 * `limit`. This runs for every event of every consumer: no promise, no closure, nothing made but the array.
 */
export function takeRecent(
  recent: RecentEvents,
  cursor: Cursor,
  limit: Position,
  room: number,
  topics: ReadonlySet<string> | undefined,
): Delivery[] {
  const { has } = cursor
  const batch: Delivery[] = []
  let { number, place } = cursor
  for (const next = recent.next; ; number++) {
    if (number === next) {
      place = Math.max(place, Math.min(recent.end, limit))
      break
    }
    const delivery = recent.at(number)
    if (delivery.offset > limit) {
      place = limit
      break
    }
    if (has[delivery.partition] === 1 && (topics === undefined || topics.has(delivery.record?.category ?? ''))) {
      if (batch.length === room) break
      batch.push(delivery)
    }
    place = delivery.offset
  }
  cursor.number = number
  cursor.place = place
  return batch
}

/** The next deliveries of the page that a cursor has read alone, `room` at most. Moves it; at the end of the page, puts that away. */
export function takeOwn(cursor: Cursor, room: number): Delivery[] {
  const page = cursor.page as NonNullable<Cursor['page']>
  const { events } = page
  const batch: Delivery[] = []
  for (; page.at < events.length; page.at++) {
    const event = events[page.at] as (typeof events)[number]
    if (cursor.has[event.partition] === 1) {
      if (batch.length === room) return batch
      batch.push(asDelivery(event))
    }
    cursor.place = event.position
  }
  cursor.place = Math.max(cursor.place, page.through)
  cursor.page = undefined
  return batch
}

/** Whether the running number of a near cursor still belongs to its place. */
export function inStep(recent: RecentEvents, { number, place }: Cursor): boolean {
  const { first, next } = recent
  if (number < first || number > next) return false
  return (
    (number === next || recent.at(number).offset > place) && (number === first || recent.at(number - 1).offset <= place)
  )
}
