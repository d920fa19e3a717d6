import { type Position, parseStream, type StoredEvent, TidingsError } from 'tidings/spi'

import type { Reply } from '../../connection/connection.ts'
import { recordOf } from '../../events/event-record.ts'

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

/** When an entry came, in milliseconds since 1970, where it says so: only those of brokers do. */
export function arrivalOf(entry: Reply): number | undefined {
  const [, fields] = entry as readonly [string, readonly string[]]
  return fields[4] === 'in' ? Number(fields[5]) : undefined
}

/** An entry is `at` (partition, time, stream and version) and `event`; in the log of a broker `in` as well, when it came. */
function eventOf([id, fields]: readonly [string, readonly string[]], position: Position): StoredEvent {
  if (!id.endsWith('-0')) throw new TypeError('it was not written by a store')
  const [first, at = '', second, text = ''] = fields
  if (first !== 'at' || second !== 'event') throw new TypeError('its fields are not those of an event')
  const place = places.exec(at)
  if (place === null) throw new TypeError('it does not say where it stands')
  const stream = place[3] as string
  const { tenant, category, key } = parseStream(stream)
  return {
    position,
    streamVersion: Number(place[4]),
    record: recordOf(text, { tenant, category, key, time: Number(place[2]) }),
    stream,
    partition: Number(place[1]),
  }
}

const places = /^(\d+) (-?[\d.e+-]+) (.*) (\d+)$/s

function corruptEvent(position: Position, cause: unknown): TidingsError {
  return new TidingsError(
    'TIDINGS_STORE_CORRUPT',
    `The entry at position ${position} of the log cannot be read as an event. Reading after it goes on.`,
    { cause, details: { position, next: position + 1 } },
  )
}
