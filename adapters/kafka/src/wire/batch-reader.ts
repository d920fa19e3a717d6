import type { Client } from '../client/load-client.ts'
import { checksumOf } from './batch-checksum.ts'
import { decompress } from './decompress.ts'
import { batchHead } from './out-batch.ts'

/** A record as it lies in a partition; its bytes are those of the answer that brought it. */
export interface InRecord {
  /** Kafka's own, from 0. */
  readonly offset: number
  readonly key: Buffer | undefined
  readonly value: Buffer | undefined
  readonly headers: Headers
}

/** The headers of a record, where they lie: most of them are read as what is known already. */
export interface Headers {
  readonly bytes: Buffer
  /** Four numbers each: where its name begins and ends, and its value; the value of one that has none begins at -1. */
  readonly places: readonly number[]
}

/** Bytes in which no record could be found: what stands there up to the next offset is for whoever parks it. */
export interface Unreadable {
  readonly offset: number
  readonly unreadable: Buffer
}

export interface Aborted {
  readonly producerId: bigint
  readonly firstOffset: number
}

/** What one fetch has brought of a partition. */
export interface Fetched {
  readonly bytes: Buffer
  /** Records before it were asked for in vain or are known. */
  readonly from: number
  /** Transactions that came to nothing, by their first offset. */
  readonly aborted: readonly Aborted[]
}

interface OpenBatch {
  readonly bytes: Buffer
  /** Of its first record. */
  readonly offset: number
  at: number
  /** Records not yet taken. */
  left: number
}

const transactional = 0x10
const control = 0x20

/**
 * Takes the records out of what a fetch has brought, one after another, a batch being opened when its first record is wanted.
 * Passes over marks of transactions and what aborted ones wrote.
 */
export class BatchReader {
  readonly #client: Client
  readonly #checksum: (bytes: Buffer) => number
  readonly #bytes: Buffer
  readonly #from: number
  readonly #aborted: Aborted[]
  readonly #aborting = new Set<bigint>()
  /** Where the next batch begins. */
  #at = 0
  #batch: OpenBatch | undefined
  #next: number
  /** The offset after the batch that was opened last. */
  #after = 0

  constructor(client: Client, { bytes, from, aborted }: Fetched) {
    this.#client = client
    this.#checksum = checksumOf(client)
    this.#bytes = bytes
    this.#from = from
    this.#aborted = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
    this.#next = from
  }

  /** The offset after everything that was taken or passed over. */
  get next(): number {
    return this.#next
  }

  /** The next record; undefined where there is none any more. */
  take(): InRecord | Unreadable | undefined {
    for (;;) {
      const batch = this.#batch
      if (batch === undefined || batch.left === 0) {
        if (batch !== undefined) this.#endBatch()
        const opened = this.#open()
        if (opened === undefined) return undefined
        if (opened !== 'opened') {
          if (opened.offset < this.#from) continue
          return opened
        }
        continue
      }
      const record = this.#read(batch)
      if (record.offset < this.#from) continue
      this.#next = record.offset + 1
      return record
    }
  }

  #endBatch(): void {
    this.#batch = undefined
    this.#next = Math.max(this.#next, this.#after)
  }

  #open(): 'opened' | Unreadable | undefined {
    for (;;) {
      const at = this.#at
      const size = sizeAt(this.#bytes, at)
      if (size === undefined) return undefined
      const bytes = this.#bytes.subarray(at, at + size)
      this.#at += size
      const base = offsetAt(bytes, 0)
      if (bytes.length < batchHead || bytes[16] !== 2) return this.#unreadable(bytes, base, base + 1)
      const after = base + bytes.readInt32BE(23) + 1
      if (this.#checksum(bytes.subarray(21)) !== bytes.readUInt32BE(17)) return this.#unreadable(bytes, base, after)
      this.#after = after
      if (after <= this.#from || this.#passOver(bytes, base)) {
        this.#next = Math.max(this.#next, after)
        continue
      }
      try {
        const records = decompress(this.#client, bytes.readInt16BE(21) & 7, bytes.subarray(batchHead))
        this.#batch = { bytes: records, offset: base, at: 0, left: bytes.readInt32BE(57) }
        return 'opened'
      } catch {
        return this.#unreadable(bytes, base, after)
      }
    }
  }

  #unreadable(bytes: Buffer, base: number, after: number): Unreadable {
    this.#next = Math.max(this.#next, after)
    return { offset: Math.max(base, after - 1), unreadable: Buffer.from(bytes) }
  }

  /** Whether a batch holds no records for us. */
  #passOver(bytes: Buffer, base: number): boolean {
    const attributes = bytes.readInt16BE(21)
    const producerId = bytes.readBigInt64BE(43)
    while (this.#aborted.length > 0 && (this.#aborted[0] as Aborted).firstOffset <= base)
      this.#aborting.add((this.#aborted.shift() as Aborted).producerId)
    if ((attributes & control) !== 0) {
      this.#aborting.delete(producerId)
      return true
    }
    return (attributes & transactional) !== 0 && this.#aborting.has(producerId)
  }

  #read(batch: OpenBatch): InRecord | Unreadable {
    const start = batch.at
    try {
      const cursor = new Cursor(batch.bytes, batch.at)
      const length = cursor.varint()
      const end = cursor.at + length
      if (length < 0 || end > batch.bytes.length) throw new RangeError('A record ends beyond its batch.')
      cursor.at++
      cursor.varlong()
      const offset = batch.offset + cursor.varint()
      const key = cursor.bytes(end)
      const value = cursor.bytes(end)
      const count = cursor.varint()
      const places: number[] = []
      for (let at = 0; at < count; at++) {
        cursor.place(end, places)
        cursor.place(end, places)
      }
      batch.at = end
      batch.left--
      return { offset, key, value, headers: { bytes: batch.bytes, places } }
    } catch {
      // Where one record cannot be read, nobody knows where the next begins.
      batch.left = 0
      return this.#unreadable(batch.bytes.subarray(start), this.#next, this.#after)
    }
  }
}

/** Bytes of the batch at a place; undefined where it is not whole. */
function sizeAt(bytes: Buffer, at: number): number | undefined {
  if (bytes.length - at < 12) return undefined
  const size = bytes.readInt32BE(at + 8) + 12
  return size < 12 || size > bytes.length - at ? undefined : size
}

/** The offset after the last batch that is whole; undefined where there is none. */
export function endOfBatches(bytes: Buffer): number | undefined {
  let end: number | undefined
  for (let at = 0; ; ) {
    const size = sizeAt(bytes, at)
    if (size === undefined) return end
    const base = offsetAt(bytes, at)
    end = size >= batchHead && bytes[at + 16] === 2 ? base + bytes.readInt32BE(at + 23) + 1 : base + 1
    at += size
  }
}

function offsetAt(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)
}

/** Reads along a record. Throws where it would leave it. */
class Cursor {
  at: number
  readonly #bytes: Buffer

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.at = at
  }

  varint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1)
    }
    throw new RangeError('A number is too long.')
  }

  /** Passes over a number of up to 64 bits. */
  varlong(): void {
    for (let count = 0; count < 10; count++) if (this.#byte() < 0x80) return
    throw new RangeError('A number is too long.')
  }

  /** A length and as many bytes, before `end`. */
  bytes(end: number): Buffer | undefined {
    const length = this.varint()
    if (length === -1) return undefined
    const { at } = this
    if (length < 0 || at + length > end) throw new RangeError('Bytes end beyond their record.')
    this.at += length
    return this.#bytes.subarray(at, at + length)
  }

  /** Notes where bytes begin and end, and passes over them. */
  place(end: number, into: number[]): void {
    const length = this.varint()
    const { at } = this
    if (length < -1 || at + length > end) throw new RangeError('Bytes end beyond their record.')
    if (length === -1) into.push(-1, -1)
    else into.push(at, (this.at += length))
  }

  #byte(): number {
    const byte = this.#bytes[this.at++]
    if (byte === undefined) throw new RangeError('A record ends early.')
    return byte
  }
}
