import { dataBytes } from '../events/data-codec.ts'
import { type Event, weightOf } from '../events/event.ts'
import type { EventRecord } from '../events/record.ts'
import { compressRecord } from '../events/record-codec.ts'
import { TidingsError } from '../kernel/errors.ts'

export interface FitOptions {
  /** Largest encoded data, in bytes, before compression. */
  readonly maxBytes: number
  /** Data above this many bytes is compressed; undefined: never. */
  readonly compressAbove: number | undefined
  /** Seals what compression has changed. */
  readonly seal?: ((checksum: string) => string) | undefined
}

/**
 * The record, compressed where asked for; a promise only then. Throws `TIDINGS_TOO_LARGE` naming the limit and the size. Small data is let through
 * without being encoded.
 */
export function fitData(
  event: Event<unknown>,
  record: EventRecord,
  options: FitOptions,
): EventRecord | Promise<EventRecord> {
  const least =
    options.compressAbove === undefined ? options.maxBytes : Math.min(options.maxBytes, options.compressAbove)
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
  if (options.compressAbove === undefined || bytes <= options.compressAbove) return record
  return compressRecord(record, {
    above: options.compressAbove,
    ...(options.seal === undefined ? {} : { seal: options.seal }),
  })
}
