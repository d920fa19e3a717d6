import type { AnyEventDefinition } from '../events/define-event.ts'
import type { Event } from '../events/event.ts'
import { eventOf, verifyChecksum } from '../events/record-codec.ts'
import { isTidingsError } from '../kernel/errors.ts'
import type { StoredEvent } from '../store/store.ts'
import { maskData } from './mask-data.ts'

/** An event with its place, as an operator may see it. */
export interface ShownEvent
  extends Pick<
    Event<unknown>,
    'id' | 'source' | 'type' | 'version' | 'category' | 'key' | 'time' | 'priority' | 'context' | 'data'
  > {
  readonly position: number
  readonly streamVersion: number
  /** Whether sensitive values of `data` are masked. */
  readonly masked: boolean
}

/** Either the event, or why it cannot be read. */
export interface EventView {
  readonly event?: ShownEvent
  readonly unreadable?: { readonly code: string; readonly message: string }
}

/** Reads a stored event for people; what is broken is told instead of thrown. */
export function viewEvent(stored: StoredEvent, definition: AnyEventDefinition | undefined, reveal = false): EventView {
  try {
    verifyChecksum(stored.record)
    const { id, source, type, version, category, key, time, priority, context, data } = eventOf(stored.record)
    return {
      event: {
        id,
        source,
        type,
        version,
        category,
        key,
        time,
        priority,
        context,
        data: reveal ? data : maskData(data, definition),
        position: stored.position,
        streamVersion: stored.streamVersion,
        masked: !reveal,
      },
    }
  } catch (error) {
    if (!isTidingsError(error)) throw error
    return { unreadable: { code: error.code, message: error.message } }
  }
}
