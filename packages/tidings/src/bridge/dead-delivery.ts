import { isInternal } from '../events/type-pattern.ts'
import { TidingsError } from '../kernel/errors.ts'
import { streamText } from '../store/store.ts'
import { inboxName, type ParkedEvent, parkedError } from '../subscriber/parked-event.ts'
import type { Delivery } from '../transport/transport.ts'

/** Most bytes kept of a delivery that was not taken in. */
const mostKept = 65_536

/** Why a delivery cannot be taken in; undefined: it can. */
export function whyDead({ record, partition, offset }: Delivery, maxBytes: number): TidingsError | undefined {
  if (record === undefined) {
    return new TidingsError('TIDINGS_UNDECODABLE', 'What the broker has delivered is no event that can be read.', {
      details: { partition, offset },
    })
  }
  // What the library says to itself it says in one store; from elsewhere it would steer what is not theirs.
  if (isInternal(record.type)) {
    return new TidingsError(
      'TIDINGS_INVALID_EVENT',
      'The broker has delivered an event whose `type` begins with tidings., and those stay inside their service.',
      { details: { field: 'type', partition, offset } },
    )
  }
  const bytes = typeof record.data === 'string' ? Buffer.byteLength(record.data) : record.data.byteLength
  if (bytes <= maxBytes) return undefined
  return new TidingsError(
    'TIDINGS_TOO_LARGE',
    `The broker has delivered an event of ${bytes} bytes, more than \`maxIncomingBytes\`, which is ${maxBytes}.`,
    { details: { field: 'maxIncomingBytes', limit: maxBytes, bytes } },
  )
}

/** A dead letter of the inbox. It stands in no log, so what came is kept with it, as far as there is room. */
export function parkedDelivery(delivery: Delivery, group: string, error: Error, now: number): ParkedEvent {
  const { record, partition, offset, raw } = delivery
  const data = raw ?? (typeof record?.data === 'string' ? Buffer.from(record.data) : record?.data)
  return {
    subscription: inboxName,
    run: 0,
    stream:
      record === undefined ? streamText({ tenant: '', category: group, key: String(partition) }) : streamText(record),
    partition,
    offset,
    type: record?.type ?? '',
    eventId: record?.id ?? '',
    state: 'dead',
    blocking: false,
    attempts: 1,
    parkedAt: now,
    firstFailedAt: now,
    lastFailedAt: now,
    error: parkedError(error),
    ...(data === undefined
      ? {}
      : { raw: Buffer.from(data.subarray(0, mostKept)).toString('base64'), rawBytes: data.byteLength }),
  }
}
