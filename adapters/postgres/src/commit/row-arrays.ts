/**
 * Arrays of rows in PostgreSQL's binary form (array_recv, record_recv): a header; then each row with its length, its count of columns, and each
 * column with its type and length before it. They cost neither the client quoting nor the server unquoting.
 */

/** Types of PostgreSQL, by the numbers that they have everywhere. */
const oid = { bool: 16, bytea: 17, int8: 20, int2: 21, int4: 23, text: 25, float8: 701, uuid: 2950 } as const

const nullLength = -1

/** Writes rows of one type. Grows as needed; `end` gives what was written. */
export class RowArray {
  #buffer: Buffer
  #at: number
  #row = 0

  /** `type`: the number of the rows' type, which the database has given it. `bytes`: about how long a row becomes. */
  constructor(type: number, rows: number, bytes: number) {
    this.#buffer = Buffer.allocUnsafe(20 + rows * bytes)
    // Dimensions, whether nulls may come, type of the elements; then length and lower bound. An empty array has no dimension.
    this.#buffer.writeInt32BE(rows === 0 ? 0 : 1, 0)
    this.#buffer.writeInt32BE(0, 4)
    this.#buffer.writeInt32BE(type | 0, 8)
    this.#buffer.writeInt32BE(rows, 12)
    this.#buffer.writeInt32BE(1, 16)
    this.#at = rows === 0 ? 12 : 20
  }

  begin(columns: number): void {
    this.#reserve(8)
    this.#row = this.#at
    this.#buffer.writeInt32BE(columns, this.#at + 4)
    this.#at += 8
  }

  /** Owed after the last column of each row. */
  close(): void {
    this.#buffer.writeInt32BE(this.#at - this.#row - 4, this.#row)
  }

  text(value: string | null): void {
    if (value === null) {
      this.#null(oid.text)
      return
    }
    if (typeof value !== 'string') throw new TypeError('Expected text.')
    // One character is at most three bytes of UTF-8, or two are four.
    this.#reserve(8 + value.length * 3)
    const buffer = this.#buffer
    const at = this.#at
    const length = value.length === 0 ? 0 : buffer.write(value, at + 8)
    buffer.writeInt32BE(oid.text, at)
    buffer.writeInt32BE(length, at + 4)
    this.#at = at + 8 + length
  }

  bytes(value: Uint8Array | null): void {
    if (value === null) {
      this.#null(oid.bytea)
      return
    }
    if (!(value instanceof Uint8Array)) throw new TypeError('Expected bytes.')
    this.#fixed(oid.bytea, value.length)
    this.#buffer.set(value, this.#at - value.length)
  }

  uuid(value: Uint8Array): void {
    this.#fixed(oid.uuid, 16)
    this.#buffer.set(value, this.#at - 16)
  }

  int2(value: number): void {
    this.#fixed(oid.int2, 2)
    this.#buffer.writeInt16BE(value, this.#at - 2)
  }

  int4(value: number): void {
    this.#fixed(oid.int4, 4)
    this.#buffer.writeInt32BE(value, this.#at - 4)
  }

  /** A whole number that a double holds exactly. Two halves cost a third of what a BigInt does. */
  int8(value: number): void {
    this.#fixed(oid.int8, 8)
    const high = Math.floor(value / 4_294_967_296)
    this.#buffer.writeInt32BE(high, this.#at - 8)
    this.#buffer.writeUInt32BE(value - high * 4_294_967_296, this.#at - 4)
  }

  bool(value: boolean): void {
    this.#fixed(oid.bool, 1)
    this.#buffer.writeUInt8(value ? 1 : 0, this.#at - 1)
  }

  float8(value: number | null): void {
    if (value === null) {
      this.#null(oid.float8)
      return
    }
    this.#fixed(oid.float8, 8)
    this.#buffer.writeDoubleBE(value, this.#at - 8)
  }

  end(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }

  /** The head of a column of so many bytes, which the caller puts at the end of what is now written. */
  #fixed(type: number, width: number): void {
    this.#reserve(8 + width)
    this.#buffer.writeInt32BE(type, this.#at)
    this.#buffer.writeInt32BE(width, this.#at + 4)
    this.#at += 8 + width
  }

  #null(type: number): void {
    this.#reserve(8)
    this.#buffer.writeInt32BE(type, this.#at)
    this.#buffer.writeInt32BE(nullLength, this.#at + 4)
    this.#at += 8
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes))
    grown.set(this.#buffer.subarray(0, this.#at))
    this.#buffer = grown
  }
}
