/** A message as it was published. */
export interface Published {
  readonly channel: number
  readonly exchange: string
  readonly routingKey: string
  readonly mandatory: boolean
  readonly contentType: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly deliveryMode: number
  readonly messageId: string | undefined
  readonly timestamp: number | undefined
  readonly type: string | undefined
  readonly body: Buffer
  /** Sizes of the frames of the body, with what stands around them. */
  readonly frames: readonly number[]
}

/** Reads messages from whole frames, written anew from the specification of AMQP 0-9-1. Throws where a frame is not well made. */
export function readFrames(bytes: Buffer): Published[] {
  const messages: Published[] = []
  let rest = bytes
  const next = (type: number): { channel: number; payload: Buffer } => {
    const size = rest.readUInt32BE(3)
    if (rest[0] !== type || rest[7 + size] !== 0xce) throw new Error(`Expected a frame of type ${type}`)
    const found = { channel: rest.readUInt16BE(1), payload: rest.subarray(7, 7 + size) }
    rest = rest.subarray(8 + size)
    return found
  }
  while (rest.length > 0) {
    const method = next(1)
    const publish = new Fields(method.payload)
    if (publish.u32() !== 0x003c0028 || publish.u16() !== 0) throw new Error('Expected basic.publish')
    const where = { exchange: publish.short(), routingKey: publish.short(), mandatory: publish.u8() === 1 }
    const header = new Fields(next(2).payload)
    if (header.u32() !== 0x003c0000) throw new Error('Expected a content header of the class basic')
    const size = header.u64()
    const flags = header.u16()
    const field = <Value>(flag: number, read: () => Value): Value | undefined =>
      (flags & flag) === 0 ? undefined : read()
    const properties = {
      contentType: field(0x8000, () => header.short()),
      headers: field(0x2000, () => header.table()) ?? {},
      deliveryMode: field(0x1000, () => header.u8()) ?? 1,
      messageId: field(0x0080, () => header.short()),
      timestamp: field(0x0040, () => header.u64()),
      type: field(0x0020, () => header.short()),
    }
    if (!header.done) throw new Error('The content header holds more than it says')
    const parts: Buffer[] = []
    for (let read = 0; read < size; read += parts.at(-1)?.length ?? 0) parts.push(next(3).payload)
    messages.push({
      channel: method.channel,
      ...where,
      ...properties,
      body: Buffer.concat(parts),
      frames: parts.map(({ length }) => length + 8),
    })
  }
  return messages
}

class Fields {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at === this.#bytes.length
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#skip(1))
  }

  u16(): number {
    return this.#bytes.readUInt16BE(this.#skip(2))
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#skip(4))
  }

  u64(): number {
    return Number(this.#bytes.readBigUInt64BE(this.#skip(8)))
  }

  short(): string {
    return this.#text(this.u8())
  }

  table(): Record<string, string> {
    const end = this.u32() + this.#at
    const table: Record<string, string> = {}
    while (this.#at < end) {
      const name = this.short()
      if (this.u8() !== 'S'.charCodeAt(0)) throw new Error('Expected a long text')
      table[name] = this.#text(this.u32())
    }
    return table
  }

  #text(length: number): string {
    const at = this.#skip(length)
    return this.#bytes.toString('utf8', at, at + length)
  }

  #skip(count: number): number {
    const at = this.#at
    this.#at += count
    return at
  }
}
