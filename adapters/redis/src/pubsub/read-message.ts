import { fromStructured } from 'tidings'
import {
  checksumOf,
  cloudEventBindings,
  type Delivery,
  type EventRecord,
  fromMessage,
  streamText,
  toBinary,
} from 'tidings/spi'

import { recordOf } from '../events/event-record.ts'

/** What a message says: an event of ours as it was, one of others as CloudEvents reads it, or bytes that nobody can read. */
export function readMessage(bytes: Buffer, now: number): Pick<Delivery, 'stream' | 'record' | 'raw'> {
  const record = exactly(bytes.toString('utf8'), now) ?? leniently(bytes, now)
  return record === undefined
    ? { record, stream: '', raw: new Uint8Array(bytes) }
    : { record, stream: streamText(record) }
}

/** An event that one of us has written, character by character. Its checksum says that it is whole, not who has written it. */
function exactly(text: string, now: number): EventRecord | undefined {
  try {
    const record = recordOf(text)
    return record.checksum !== '' && record.checksum === checksumOf(record) && isSound(record, now) ? record : undefined
  } catch {
    return undefined
  }
}

function leniently(bytes: Buffer, now: number): EventRecord | undefined {
  try {
    return fromStructured(bytes, { now })
  } catch {
    return undefined
  }
}

/** What readers of CloudEvents must find as it stands here, so that no text brings in what no other way in lets pass. */
const attributes = [
  'id',
  'source',
  'type',
  'version',
  'category',
  'key',
  'tenant',
  'time',
  'priority',
  'correlation',
  'causation',
  'encoding',
  'checksum',
  'seal',
] as const satisfies readonly (keyof EventRecord)[]

/** Throws, or answers false, where the record holds what a CloudEvent must not. */
function isSound(record: EventRecord, now: number): boolean {
  const { context, data, encoding } = record
  if (typeof context !== 'string' || (typeof data === 'string') !== (encoding === '')) return false
  const [read] = fromMessage(toBinary(record, cloudEventBindings.kafka), cloudEventBindings.kafka, { now })
  return attributes.every((name) => read?.[name] === record[name])
}
