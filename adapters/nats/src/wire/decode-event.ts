import { cloudEventBindings, type EventRecord, fromMessage } from 'tidings/spi'

import { type Headers, readHeaders } from './read-headers.ts'

/** A message as it came: views into what was received, which are copied where they are kept. */
export interface Received {
  readonly headers: Uint8Array | undefined
  readonly body: Uint8Array
}

const none: Headers = Object.freeze(Object.create(null) as Headers)

/** The event of a message in whichever mode it is written; undefined where it is none. `now` is the time of events that say none. */
export function decodeEvent({ headers, body }: Received, now: number): EventRecord | undefined {
  try {
    const message = { headers: headers === undefined ? none : readHeaders(headers), body }
    const record = fromMessage(message, cloudEventBindings.nats, { now })[0]
    return record === undefined || typeof record.data === 'string' ? record : { ...record, data: record.data.slice() }
  } catch {
    return undefined
  }
}
