import type { Item, Lane } from './lane.ts'
import { type ParkedEvent, type ParkedState, parkedError } from './parked-event.ts'

/** The document for the head of a lane that failed. */
export function parkedOf(parts: {
  readonly subscription: string
  readonly run: number
  readonly lane: Lane
  readonly item: Item
  readonly state: ParkedState
  readonly blocking: boolean
  readonly error: unknown
  readonly due: number | undefined
  readonly now: number
}): ParkedEvent {
  const { subscription, run, lane, item, state, blocking, error, due, now } = parts
  return {
    subscription,
    run,
    stream: lane.stream,
    partition: item.partition.partition,
    offset: item.offset,
    type: item.parked?.type ?? item.delivery?.record?.type ?? item.known?.type ?? '',
    eventId: item.parked?.eventId ?? item.delivery?.record?.id ?? item.known?.eventId ?? '',
    state,
    blocking,
    attempts: item.attempts,
    parkedAt: item.parked?.parkedAt ?? now,
    firstFailedAt: item.firstFailedAt ?? now,
    lastFailedAt: now,
    ...(due === undefined ? {} : { due }),
    error: parkedError(error),
  }
}

/** The document for an event that waits for one in front of it. */
export function behind(parts: {
  readonly subscription: string
  readonly run: number
  readonly lane: Lane
  readonly item: Item
  readonly now: number
}): ParkedEvent {
  const { subscription, run, lane, item, now } = parts
  return {
    subscription,
    run,
    stream: lane.stream,
    partition: item.partition.partition,
    offset: item.offset,
    type: item.delivery?.record?.type ?? item.known?.type ?? '',
    eventId: item.delivery?.record?.id ?? item.known?.eventId ?? '',
    state: 'behind',
    blocking: true,
    attempts: item.attempts,
    parkedAt: now,
  }
}
