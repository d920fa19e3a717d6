import type { Event } from '../events/event.ts'
import type { Position } from '../store/store.ts'

/** What a publisher learns. */
export interface Receipt {
  /** The event's id; of the first event where this one was a duplicate. */
  readonly id: string
  /** Where it stands in the log. */
  readonly position: Position
  /** Its number in its stream, from 1. */
  readonly streamVersion: number
  /** How durable it was when publish settled. */
  readonly durability: 'memory' | 'store' | 'broker'
  /** How many subscriptions of this process hear it. */
  readonly matched: number
  /** It waits for its time: when that is, and what to give `bus.timers.cancel`. Position and version are 0 until then. */
  readonly scheduled?: { readonly id: string; readonly at: number }
  /** Id of the event this one repeats, where the window for duplicates had it already; then nothing was written. */
  readonly duplicateOf?: string
  /** What inline listeners threw; their subscriptions try again by themselves. */
  readonly failures?: readonly ListenerFailure[]
}

export interface ListenerFailure {
  readonly subscription: string
  readonly error: Error
}

/** A receipt whose id is read from the event when asked for. */
export function receiptOf(
  event: Event<unknown>,
  position: Position,
  streamVersion: number,
  durability: Receipt['durability'],
  matched: number,
  failures: readonly ListenerFailure[] | undefined,
): Receipt {
  return new EventReceipt(event, position, streamVersion, durability, matched, failures)
}

class EventReceipt implements Receipt {
  readonly position: Position
  readonly streamVersion: number
  readonly durability: Receipt['durability']
  readonly matched: number
  declare readonly failures?: readonly ListenerFailure[]
  readonly #event: Event<unknown>

  constructor(
    event: Event<unknown>,
    position: Position,
    streamVersion: number,
    durability: Receipt['durability'],
    matched: number,
    failures: readonly ListenerFailure[] | undefined,
  ) {
    this.position = position
    this.streamVersion = streamVersion
    this.durability = durability
    this.matched = matched
    if (failures !== undefined) this.failures = failures
    this.#event = event
  }

  get id(): string {
    return this.#event.id
  }

  toJSON(): Receipt {
    const { id, position, streamVersion, durability, matched } = this
    return {
      id,
      position,
      streamVersion,
      durability,
      matched,
      ...(this.failures === undefined ? {} : { failures: this.failures }),
    }
  }
}
