import { type Position, parseStream, type StoredEvent, TidingsError } from 'tidings/spi'

import type { Reply } from '../../connection/connection.ts'
import { recordOf } from '../../events/event-record.ts'

/** The fields of an entry, in the order in which they are written. */
const names = ['type', 'stream', 'partition', 'version', 'time', 'event']

/** Events of entries of the log, in order. Ends before the first that cannot be read; where that is the very first, throws TIDINGS_STORE_CORRUPT. */
export function eventsOf(entries: readonly Reply[]): StoredEvent[] {
  const events: StoredEvent[] = []
  for (const entry of entries) {
    const position = positionOf(entry)
    try {
      events.push(eventOf(entry as readonly [string, readonly string[]], position))
    } catch (cause) {
      if (events.length === 0) throw corruptEvent(position, cause)
      break
    }
  }
  return events
}

/** The position of an entry: the first half of its id. */
export function positionOf(entry: Reply): Position {
  const id = String((entry as readonly Reply[])[0])
  return Number(id.slice(0, id.indexOf('-')))
}

function eventOf([id, fields]: readonly [string, readonly string[]], position: Position): StoredEvent {
  if (!id.endsWith('-0')) throw new TypeError('it was not written by a store')
  for (let at = 0; at < names.length; at++)
    if (fields[at * 2] !== names[at]) throw new TypeError('its fields are not those of an event')
  const stream = fields[3] as string
  const { tenant, category, key } = parseStream(stream)
  return {
    position,
    streamVersion: numberOf(fields[7]),
    record: recordOf(fields[11] as string, {
      type: fields[1] as string,
      tenant,
      category,
      key,
      time: numberOf(fields[9]),
    }),
    stream,
    partition: numberOf(fields[5]),
  }
}

function numberOf(text: string | undefined): number {
  const number = Number(text)
  if (text === undefined || text === '' || !Number.isFinite(number)) throw new TypeError('a number is missing')
  return number
}

function corruptEvent(position: Position, cause: unknown): TidingsError {
  return new TidingsError(
    'TIDINGS_STORE_CORRUPT',
    `The entry at position ${position} of the log cannot be read as an event. Reading after it goes on.`,
    { cause, details: { position, next: position + 1 } },
  )
}
