import { cloudEventBindings, type EventRecord, fromMessage } from 'tidings/spi'

import { type Headers, readHeaders } from './read-headers.ts'

/** A message as it came: views into what was received, which are copied where they are kept. */
export interface Received {
  readonly headers: Uint8Array | undefined
  readonly body: Uint8Array
}

const none: Headers = Object.freeze(Object.create(null) as Headers)

/** Bytes of their own; `slice` of a Buffer would be a view, which keeps all alive that was received with it. */
export function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

/** The event of a message in whichever mode it is written; undefined where it is none. `now` is the time of events that say none. */
export function decodeEvent({ headers, body }: Received, now: number): EventRecord | undefined {
  try {
    const message = { headers: headers === undefined ? none : readHeaders(headers), body }
    const record = fromMessage(message, cloudEventBindings.nats, { now })[0]
    return record === undefined || typeof record.data === 'string' ? record : { ...record, data: copyOf(record.data) }
  } catch {
    return undefined
  }
}
