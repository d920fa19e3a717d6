import { dataBytes } from '../events/data-codec.ts'
import { type Event, weightOf } from '../events/event.ts'
import type { EventRecord } from '../events/record.ts'
import { compressRecord } from '../events/record-codec.ts'
import { TidingsError } from '../kernel/errors.ts'
import { keepApart } from '../payloads/keep-apart.ts'
import type { PayloadStore } from '../payloads/payload-store.ts'

export interface FitOptions {
  /** Largest encoded data, in bytes, before compression. */
  readonly maxBytes: number
  /** Data above this many bytes is compressed; undefined: never. */
  readonly compressAbove: number | undefined
  /** Data above this many bytes, as it is after compression, is kept apart; undefined: never. */
  readonly claimAbove?: number | undefined
  readonly payloads?: PayloadStore | undefined
  /** Seals what compression or keeping apart has changed. */
  readonly seal?: ((checksum: string) => string) | undefined
}

/**
 * The record, compressed and its data kept apart where asked for; a promise only then. Throws `TIDINGS_TOO_LARGE` naming the limit and the size. Small data is let through
 * without being encoded.
 */
export function fitData(
  event: Event<unknown>,
  record: EventRecord,
  options: FitOptions,
): EventRecord | Promise<EventRecord> {
  const { maxBytes, compressAbove = maxBytes, claimAbove = maxBytes } = options
  const least = Math.min(maxBytes, compressAbove, claimAbove)
  if (weightOf(event) <= least) return record
  const bytes = dataBytes(record)
  if (bytes > options.maxBytes) {
    throw new TidingsError(
      'TIDINGS_TOO_LARGE',
      `The data of ${event.type} takes ${bytes} bytes; the limit is ${options.maxBytes} (option \`maxBytes\`).`,
      {
        details: { field: 'data', type: event.type, bytes, limit: options.maxBytes },
      },
    )
  }
  if (bytes <= least) return record
  return smaller(event, record, bytes, options)
}

async function smaller(
  event: Event<unknown>,
  record: EventRecord,
  bytes: number,
  { compressAbove, claimAbove, payloads, seal }: FitOptions,
): Promise<EventRecord> {
  const sealing = seal === undefined ? {} : { seal }
  const compressed =
    compressAbove === undefined || bytes <= compressAbove
      ? record
      : await compressRecord(record, { above: compressAbove, ...sealing })
  if (claimAbove === undefined || payloads === undefined || dataBytes(compressed) <= claimAbove) return compressed
  return keepApart(event, compressed, payloads, seal)
}
