import { isUtf8 } from 'node:buffer'
import { promisify } from 'node:util'
import { gunzipSync, gzip, constants as zlibConstants, zstdCompress, zstdDecompressSync } from 'node:zlib'

import { isTidingsError, TidingsError } from '../kernel/errors.ts'
import type { EventRecord } from './record.ts'

/** Bounds on what is decoded, so that nobody's bytes can exhaust a reader. */
export interface DecodeLimits {
  /** Most bytes of data, also after decompression. Default 16 MiB. */
  readonly maxBytes?: number
  /** Deepest nesting. Default and most 100. */
  readonly maxDepth?: number
  /** Most members and items in all. Default 1,000,000. */
  readonly maxMembers?: number
}

export const defaultDecodeLimits: Required<DecodeLimits> = {
  maxBytes: 16 * 1_024 * 1_024,
  maxDepth: 100,
  maxMembers: 1_000_000,
}

export type Compression = 'gzip' | 'zstd'

export interface CompressOptions {
  /** Data of fewer bytes stays as it is. Default 4,096: below, compressing costs more than it saves. */
  readonly above?: number
  /** Default `gzip`, which is faster here; `zstd` is smaller. */
  readonly algorithm?: Compression
}

/** The JSON text of plain data (see `plain`); empty for `undefined`, which only events from elsewhere can hold. */
export function encodeData(data: unknown): string {
  return data === undefined ? '' : JSON.stringify(data)
}

/**
 * The data of a record: plain and frozen through and through. Throws `TIDINGS_UNDECODABLE` naming the place and the rule for bytes that
 * are no UTF-8, no JSON, badly compressed, too large, too deep or too many, and for numbers, text and names that data must not carry.
 */
export function decodeData(record: Pick<EventRecord, 'data' | 'encoding'>, limits: DecodeLimits = {}): unknown {
  const maxBytes = limits.maxBytes ?? defaultDecodeLimits.maxBytes
  const text = textOf(record, maxBytes)
  if (text === '') return undefined
  const maxDepth = Math.min(limits.maxDepth ?? defaultDecodeLimits.maxDepth, defaultDecodeLimits.maxDepth)
  return decodeWithin(text, 'data', maxBytes, maxDepth, limits.maxMembers ?? defaultDecodeLimits.maxMembers)
}

/** The same for JSON text, bounded in UTF-16 units; `place` names it in errors. */
export function decodeJson(text: string, place: string, limits: DecodeLimits = {}): unknown {
  const {
    maxBytes = defaultDecodeLimits.maxBytes,
    maxDepth = defaultDecodeLimits.maxDepth,
    maxMembers = defaultDecodeLimits.maxMembers,
  } = limits
  return decodeWithin(text, place, maxBytes, maxDepth, maxMembers)
}

function decodeWithin(text: string, place: string, maxBytes: number, maxDepth: number, maxMembers: number): unknown {
  if (text.length > maxBytes) throw refuse(place, `must not be larger than ${maxBytes} bytes`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's own message quotes the text around the mistake, which may be anybody's secret.
    throw refuse(place, 'must be JSON')
  }
  freeze(value, { place, depth: 0, maxDepth, left: maxMembers }, undefined)
  return value
}

/** UTF-8 as text. Throws `TIDINGS_UNDECODABLE` naming `place` where it is not. */
export function utf8(bytes: Uint8Array, place: string): string {
  // Twice as fast as a TextDecoder that throws, and it keeps a byte order mark, which is for the caller to judge.
  if (!isUtf8(bytes)) throw refuse(place, 'must be UTF-8')
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

/** How many bytes the data of a record takes as it is kept. */
export function dataBytes(record: Pick<EventRecord, 'data'>): number {
  return typeof record.data === 'string' ? Buffer.byteLength(record.data) : record.data.byteLength
}

const gzipAsync = promisify(gzip)
const zstdAsync = promisify(zstdCompress)

/** The data compressed, off the main thread; undefined where it is compressed already, too small, or would not shrink. */
export async function compressData(
  record: Pick<EventRecord, 'data' | 'encoding'>,
  options: CompressOptions = {},
): Promise<{ readonly data: Uint8Array; readonly encoding: Compression } | undefined> {
  const { above = 4_096, algorithm = 'gzip' } = options
  if (algorithm !== 'gzip' && algorithm !== 'zstd') {
    throw new TidingsError('TIDINGS_INVALID_OPTION', "Expected `compression.algorithm` to be 'gzip' or 'zstd'.", {
      details: { field: 'compression.algorithm' },
    })
  }
  if (record.encoding !== '' || record.data.length === 0) return undefined
  const bytes = typeof record.data === 'string' ? Buffer.from(record.data) : record.data
  if (bytes.byteLength < above) return undefined
  const data = algorithm === 'gzip' ? await gzipAsync(bytes, { level: 1 }) : await zstdAsync(bytes)
  return data.byteLength < bytes.byteLength ? { data, encoding: algorithm } : undefined
}

function textOf(record: Pick<EventRecord, 'data' | 'encoding'>, maxBytes: number): string {
  const { data, encoding } = record
  const tooLarge = (): TidingsError => refuse('data', `must not be larger than ${maxBytes} bytes`)
  // A UTF-16 unit takes at most three bytes: most texts are known to fit without counting.
  if (typeof data === 'string') {
    if (data.length * 3 > maxBytes && Buffer.byteLength(data) > maxBytes) throw tooLarge()
    return data
  }
  if (data.byteLength > maxBytes) throw tooLarge()
  switch (encoding) {
    case '':
      return utf8(data, 'data')
    case 'gzip':
      return utf8(
        inflate(() => gunzipSync(data, { maxOutputLength: maxBytes }), encoding, tooLarge),
        'data',
      )
    case 'zstd':
      return utf8(
        inflate(
          // The window is memory too: what a frame may ask for is bounded to 2^27 bytes, the decoder's own default.
          () =>
            zstdDecompressSync(data, {
              maxOutputLength: maxBytes,
              params: { [zlibConstants.ZSTD_d_windowLogMax]: 27 },
            }),
          encoding,
          tooLarge,
        ),
        'data',
      )
    default:
      throw refuse('encoding', 'must be gzip or zstd where data is bytes')
  }
}

function inflate(run: () => Uint8Array, encoding: string, tooLarge: () => TidingsError): Uint8Array {
  try {
    return run()
  } catch (error) {
    if (isTidingsError(error)) throw error
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge()
    throw refuse('data', `must be sound ${encoding}`)
  }
}

interface Walk {
  readonly place: string
  readonly maxDepth: number
  depth: number
  left: number
}

/** Where a value lies, built only when it is told: the name of each step, innermost first. */
interface Step {
  readonly name: string | number
  readonly outer: Step | undefined
}

function freeze(value: unknown, walk: Walk, step: Step | undefined): void {
  if (typeof value !== 'object' || value === null) {
    const fault = faultOf(value)
    if (fault !== undefined) throw refuse(pathOf(walk.place, step), fault)
    return
  }
  if (++walk.depth > walk.maxDepth + 1)
    throw refuse(pathOf(walk.place, step), `must not nest deeper than ${walk.maxDepth} levels`)
  if (Array.isArray(value)) {
    walk.left -= value.length
    if (walk.left < 0) throw refuse(walk.place, 'must not hold that many members')
    for (let at = 0; at < value.length; at++) {
      const item: unknown = value[at]
      // Only what needs a path later pays for one now.
      if (typeof item === 'object' ? item !== null : faultOf(item) !== undefined)
        freeze(item, walk, { name: at, outer: step })
    }
  } else {
    for (const name in value) {
      if (--walk.left < 0) throw refuse(walk.place, 'must not hold that many members')
      if (name === '__proto__')
        throw refuse(pathOf(walk.place, { name, outer: step }), 'is a name that data must not carry')
      const member = (value as Record<string, unknown>)[name]
      if (typeof member === 'object' ? member !== null : faultOf(member) !== undefined)
        freeze(member, walk, { name, outer: step })
    }
  }
  walk.depth--
  Object.freeze(value)
}

function faultOf(primitive: unknown): string | undefined {
  if (typeof primitive === 'string')
    return primitive.isWellFormed() ? undefined : 'must be well-formed Unicode (it holds an unpaired surrogate)'
  // JSON.parse reads 1e999 as infinity.
  if (typeof primitive === 'number')
    return Number.isFinite(primitive) ? undefined : 'must be a number that fits 64 bits'
  return undefined
}

function pathOf(place: string, step: Step | undefined): string {
  const names: string[] = []
  for (let at = step; at !== undefined && names.length < 120; at = at.outer)
    names.push(typeof at.name === 'number' ? `[${at.name}]` : `.${at.name.slice(0, 80)}`)
  return (place + names.reverse().join('')).slice(0, 200)
}

function refuse(path: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_UNDECODABLE', `\`${path}\` ${rule}.`, { details: { field: path, rule } })
}
