import type { EventRecord } from '../events/record.ts'
import { contextOf, contextText, isKnownWhole } from '../events/record-codec.ts'
import { TidingsError, UnavailableError } from '../kernel/errors.ts'
import { type Claim, claimOf, payloadId } from './claim.ts'
import type { PayloadStore } from './payload-store.ts'

export interface RedeemOptions {
  readonly payloads: PayloadStore | undefined
  /** Largest data taken in, in bytes. */
  readonly maxBytes: number
}

/** A record whose event can be made of it: itself, or what `redeem` answers where its data was kept apart. */
export function wholeRecord(record: EventRecord, options: RedeemOptions): EventRecord | Promise<EventRecord> {
  if (isKnownWhole(record)) return record
  const claim = claimOf(record)
  return claim === undefined ? record : redeem(record, claim, options)
}

/**
 * The record with the data that was kept apart, as it was before; its checksum is that of the record without. Rejects with `TIDINGS_PAYLOAD_MISSING` where it
 * is not there, `TIDINGS_CHECKSUM_MISMATCH` where it is not what was kept, `TIDINGS_UNDECODABLE` where it is too large, and with an
 * `UnavailableError` where the payload store cannot be reached.
 */
async function redeem(record: EventRecord, claim: Claim, options: RedeemOptions): Promise<EventRecord> {
  const { payloads, maxBytes } = options
  const details = { id: record.id, source: record.source, type: record.type, payload: claim.id }
  if (claim.bytes > maxBytes)
    throw new TidingsError('TIDINGS_UNDECODABLE', `\`data\` must not be larger than ${maxBytes} bytes.`, {
      details: { ...details, field: 'data', bytes: claim.bytes, limit: maxBytes },
    })
  if (payloads === undefined)
    throw new TidingsError(
      'TIDINGS_PAYLOAD_MISSING',
      `The data of this ${record.type} was kept apart, and this bus knows no place for that (option \`payloads\`).`,
      { details },
    )
  const bytes = await payloads.get(claim.id).catch((cause: unknown) => {
    throw new UnavailableError('The payload store cannot be read.', { cause })
  })
  if (bytes === undefined)
    throw new TidingsError('TIDINGS_PAYLOAD_MISSING', `The data of this ${record.type} is not among the payloads.`, {
      details,
    })
  if (bytes.byteLength !== claim.bytes || payloadId(bytes) !== claim.id)
    throw new TidingsError('TIDINGS_CHECKSUM_MISMATCH', `The data of this ${record.type} is not what was kept apart.`, {
      details,
    })
  const context = contextOf(record)
  const { dataref: _claim, ...extensions } = context.extensions ?? {}
  return {
    ...record,
    context: contextText({ ...context, extensions }),
    data: claim.encoding === '' ? Buffer.from(bytes).toString() : bytes,
    encoding: claim.encoding,
  }
}
