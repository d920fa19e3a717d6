/** Bytes of a batch before its first record. */
export const batchHead = 61

const least = 4_096

/** A record as it goes into a batch. */
export interface OutRecord {
  readonly key: string
  readonly headers: Readonly<Record<string, string>>
  /** Undefined: none at all. */
  readonly value: string | Uint8Array | undefined
}

/** Who writes a batch, and which of its batches it is: a broker drops what it has already. */
export interface Sequence {
  readonly producerId: bigint
  readonly epoch: number
  readonly first: number
}

/**
 * A batch of records of one partition in the making (message format 2), in one buffer that grows. Records are encoded when they are
 * added, so that what one takes is known before it is accepted.
 */
export class OutBatch {
  /** Largest size, in bytes, head included. */
  readonly limit: number
  readonly #time: number
  #bytes: Buffer
  #end = batchHead
  #count = 0

  /** @param time Milliseconds since 1970, for all its records. */
  constructor(limit: number, time: number, size: number = least) {
    this.limit = limit
    this.#time = time
    this.#bytes = Buffer.allocUnsafe(Math.max(size, least))
  }

  get count(): number {
    return this.#count
  }

  /** In bytes. */
  get size(): number {
    return this.#end
  }

  /** Adds a record at the end. False: it does not fit, and the batch is as before. */
  add(record: OutRecord): boolean {
    const start = this.#end
    this.#write(record)
    if (this.#end > this.limit) {
      this.#end = start
      return false
    }
    this.#count++
    return true
  }

  /** The whole batch. Adding more or sealing again with another sequence changes the bytes that were returned. */
  seal({ producerId, epoch, first }: Sequence, checksum: (bytes: Buffer) => number): Buffer {
    const bytes = this.#bytes.subarray(0, this.#end)
    bytes.writeBigInt64BE(0n, 0)
    bytes.writeInt32BE(this.#end - 12, 8)
    bytes.writeInt32BE(-1, 12)
    bytes.writeInt8(2, 16)
    bytes.writeInt16BE(0, 21)
    bytes.writeInt32BE(this.#count - 1, 23)
    bytes.writeBigInt64BE(BigInt(this.#time), 27)
    bytes.writeBigInt64BE(BigInt(this.#time), 35)
    bytes.writeBigInt64BE(producerId, 43)
    bytes.writeInt16BE(epoch, 51)
    bytes.writeInt32BE(first, 53)
    bytes.writeInt32BE(this.#count, 57)
    bytes.writeUInt32BE(checksum(bytes.subarray(21)), 17)
    return bytes
  }

  #write({ key, headers, value }: OutRecord): void {
    const start = this.#end
    // Most records take 64 to 8,191 bytes, whose length takes two; the others are moved.
    this.#end += 2
    // Attributes, and the time that has passed since the first record: there are none and it is none.
    this.#room(2)
    this.#bytes[this.#end++] = 0
    this.#bytes[this.#end++] = 0
    this.#varint(this.#count)
    this.#text(key)
    if (value === undefined) this.#varint(-1)
    else if (typeof value === 'string') this.#text(value)
    else {
      this.#varint(value.byteLength)
      this.#room(value.byteLength)
      this.#bytes.set(value, this.#end)
      this.#end += value.byteLength
    }
    const at = this.#end
    this.#varint(0)
    let count = 0
    for (const name in headers) {
      this.#header(name, headers[name] as string)
      count++
    }
    this.#setVarint(at, 1, count)
    this.#setVarint(start, 2, this.#end - start - 2)
  }

  #header(name: string, value: string): void {
    const known = nameBytes(name)
    this.#room(known.length)
    const bytes = this.#bytes
    // So few bytes are copied sooner than a copy is asked for.
    for (let at = 0; at < known.length; at++) bytes[this.#end++] = known[at] as number
    this.#text(value)
  }

  /** A length, and the text in UTF-8. */
  #text(text: string): void {
    const { length } = text
    // A unit of UTF-16 takes at most three bytes of UTF-8.
    this.#room(length * 3 + 5)
    if (length < 64 && this.#short(text)) return
    const reserved = length < 64 ? 1 : length < 8_192 ? 2 : 3
    const at = this.#end
    this.#end += reserved
    this.#end += this.#bytes.write(text, this.#end, 'utf8')
    this.#setVarint(at, reserved, this.#end - at - reserved)
  }

  /** The same for a short text of ASCII, as nearly all headers are. False: it is none, and nothing was written. */
  #short(text: string): boolean {
    const bytes = this.#bytes
    const start = this.#end + 1
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code > 0x7f) return false
      bytes[start + at] = code
    }
    bytes[this.#end] = text.length << 1
    this.#end = start + text.length
    return true
  }

  /** Writes a number where room was left for it, and moves what follows where it takes another. */
  #setVarint(at: number, reserved: number, value: number): void {
    const needed = varintSize(value)
    if (needed !== reserved) {
      this.#room(needed)
      this.#bytes.copyWithin(at + needed, at + reserved, this.#end)
      this.#end += needed - reserved
    }
    writeVarint(this.#bytes, at, value)
  }

  #varint(value: number): void {
    this.#room(5)
    this.#end = writeVarint(this.#bytes, this.#end, value)
  }

  #room(count: number): void {
    if (this.#end + count <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#end + count))
    this.#bytes.copy(grown, 0, 0, this.#end)
    this.#bytes = grown
  }
}

/** Kafka's varint: zig-zag, seven bits a byte, the lowest first. */
function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[at++] = rest
  return at
}

function varintSize(value: number): number {
  const rest = ((value << 1) ^ (value >> 31)) >>> 0
  return rest < 0x80 ? 1 : rest < 0x4000 ? 2 : rest < 0x20_0000 ? 3 : rest < 0x1000_0000 ? 4 : 5
}

/** Names of headers are few and come with every record: their bytes, with their length before. */
const names = new Map<string, Buffer>()

function nameBytes(name: string): Buffer {
  let known = names.get(name)
  if (known === undefined) {
    const text = Buffer.from(name)
    known = Buffer.alloc(varintSize(text.length) + text.length)
    text.copy(known, writeVarint(known, 0, text.length))
    if (names.size < 1_000) names.set(name, known)
  }
  return known
}
