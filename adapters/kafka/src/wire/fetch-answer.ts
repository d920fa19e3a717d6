import type { Aborted } from './batch-reader.ts'

/** What a broker answers to a fetch for one partition. */
export interface FetchedPartition {
  readonly topicId: string
  readonly partition: number
  readonly error: number
  /** The offset up to which everything is decided; only what is before it is handed out. */
  readonly stable: number
  readonly aborted: readonly Aborted[]
  /** Whole batches, and at the end perhaps a part of one. */
  readonly records: Buffer
}

export interface FetchAnswer {
  readonly error: number
  readonly partitions: readonly FetchedPartition[]
}

/**
 * Reads the answer to a fetch, versions 13 to 17, and leaves the records as they are: they are opened one by one when somebody wants
 * them. Throws where it makes no sense.
 */
export function readFetchAnswer(bytes: Buffer): FetchAnswer {
  const at = new Reading(bytes)
  // How long we are throttled.
  at.skip(4)
  const error = at.int16()
  // The session: there is none.
  at.skip(4)
  const partitions: FetchedPartition[] = []
  for (let topics = at.count(); topics > 0; topics--) {
    const topicId = at.uuid()
    for (let count = at.count(); count > 0; count--) partitions.push(readPartition(at, topicId))
    at.tags()
  }
  return { error, partitions }
}

function readPartition(at: Reading, topicId: string): FetchedPartition {
  const partition = at.int32()
  const error = at.int16()
  // The high watermark.
  at.skip(8)
  const stable = at.int64()
  // Where the log starts.
  at.skip(8)
  const aborted: Aborted[] = []
  for (let count = at.count(); count > 0; count--) {
    const producerId = at.bigint()
    aborted.push({ producerId, firstOffset: at.int64() })
    at.tags()
  }
  // The replica that we should rather ask.
  at.skip(4)
  const records = at.bytes(at.count())
  at.tags()
  return { topicId, partition, error, stable, aborted, records }
}

class Reading {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  skip(count: number): void {
    this.#at += count
  }

  int16(): number {
    return this.#bytes.readInt16BE((this.#at += 2) - 2)
  }

  int32(): number {
    return this.#bytes.readInt32BE((this.#at += 4) - 4)
  }

  bigint(): bigint {
    return this.#bytes.readBigInt64BE((this.#at += 8) - 8)
  }

  int64(): number {
    return Number(this.bigint())
  }

  /** The length of a list or of bytes; 0 also where there is none. */
  count(): number {
    return Math.max(0, this.#varint() - 1)
  }

  bytes(count: number): Buffer {
    if (this.#at + count > this.#bytes.length) throw new RangeError('An answer ends early.')
    return this.#bytes.subarray(this.#at, (this.#at += count))
  }

  uuid(): string {
    const hex = this.bytes(16).toString('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }

  /** Passes over fields that may or may not be there. */
  tags(): void {
    for (let count = this.#varint(); count > 0; count--) {
      this.#varint()
      this.skip(this.#varint())
    }
  }

  #varint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#at++)
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw new RangeError('A number is too long.')
  }
}
