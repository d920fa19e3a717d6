import { dataBytes } from '../events/data-codec.ts'
import type { Event } from '../events/event.ts'
import { compressRecord } from '../events/record-codec.ts'
import type { EventRecord } from '../events/record.ts'
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
export function fitData(event: Event<unknown>, record: EventRecord, options: FitOptions): EventRecord | Promise<EventRecord> {
  const least = options.compressAbove === undefined ? options.maxBytes : Math.min(options.maxBytes, options.compressAbove)
  if (surelyBelow(event.data, least)) return record
  const bytes = dataBytes(record)
  if (bytes > options.maxBytes) {
    throw new TidingsError('TIDINGS_TOO_LARGE', `The data of ${event.type} takes ${bytes} bytes; the limit is ${options.maxBytes} (option \`maxBytes\`).`, {
      details: { field: 'data', type: event.type, bytes, limit: options.maxBytes },
    })
  }
  if (options.compressAbove === undefined || bytes <= options.compressAbove) return record
  return compressRecord(record, { above: options.compressAbove, ...(options.seal === undefined ? {} : { seal: options.seal }) })
}

/** Six bytes are the most that one UTF-16 unit can take in JSON (`\u0000`), 25 those of a number. */
function surelyBelow(data: unknown, limit: number): boolean {
  return weigh(data, limit) >= 0
}

/** What is left of the limit after the value; negative as soon as nothing is. */
function weigh(value: unknown, left: number): number {
  if (typeof value === 'string') return left - 6 * value.length - 3
  if (typeof value !== 'object' || value === null) return left - 26
  let rest = left - 2
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length && rest >= 0; at++) rest = weigh(value[at], rest)
    return rest
  }
  for (const name in value) {
    if (rest < 0) return rest
    rest = weigh((value as Record<string, unknown>)[name], rest - 6 * name.length - 4)
  }
  return rest
}
