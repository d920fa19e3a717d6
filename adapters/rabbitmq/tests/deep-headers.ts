/** One header, `x`, of tables or lists in each other: its bytes in a table of headers. */
export function deepHeaders(kind: 'list' | 'table', depth: number): Buffer {
  const levels: Buffer[] = []
  let inside = 0
  for (let level = 0; level < depth; level++) {
    // The innermost is empty; whatever stands in a table has a name, which may be empty.
    const name = kind === 'table' && level < depth - 1 ? Buffer.from([0]) : Buffer.alloc(0)
    const length = Buffer.alloc(4)
    const holds = level === 0 ? 0 : inside
    length.writeUInt32BE(holds)
    const one = Buffer.concat([name, Buffer.from(kind === 'list' ? 'A' : 'F'), length])
    levels.push(one)
    inside = holds + one.length
  }
  return Buffer.concat([Buffer.from('\x01x'), ...levels.reverse()])
}

/** What the header frame of a message of two bytes carries. */
export function headersFrame(fields: Buffer, contentType?: string, contentEncoding?: string): Buffer {
  const head = Buffer.alloc(14)
  head.writeUInt16BE(60, 0)
  head.writeBigUInt64BE(2n, 4)
  const types = [contentType, contentEncoding].filter((text) => text !== undefined)
  head.writeUInt16BE(
    0x2000 | (contentType === undefined ? 0 : 0x8000) | (contentEncoding === undefined ? 0 : 0x4000),
    12,
  )
  const length = Buffer.alloc(4)
  length.writeUInt32BE(fields.length)
  return Buffer.concat([
    head,
    ...types.map((text) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])),
    length,
    fields,
  ])
}
