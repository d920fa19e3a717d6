import { fromStructured } from 'tidings'
import { checksumOf, type Delivery, streamText } from 'tidings/spi'

import { recordOf } from '../events/event-record.ts'

/** What a message says: an event of ours as it was, one of others as CloudEvents reads it, or bytes that nobody can read. */
export function readMessage(bytes: Buffer, now: number): Pick<Delivery, 'stream' | 'record' | 'raw'> {
  const text = bytes.toString('utf8')
  try {
    const record = recordOf(text)
    // Only what we have written ourselves may be read the short way.
    if (record.checksum !== '' && record.checksum === checksumOf(record)) return { record, stream: streamText(record) }
  } catch {
    // None of ours.
  }
  try {
    const record = fromStructured(bytes, { now })
    return { record, stream: streamText(record) }
  } catch {
    return { record: undefined, stream: '', raw: new Uint8Array(bytes) }
  }
}
