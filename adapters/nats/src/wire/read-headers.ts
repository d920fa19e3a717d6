/** Values of headers by their names as they were written; several of one name in a list. */
export type Headers = Record<string, string | string[]>

/**
 * Reads a block of headers, `NATS/1.0` and a line each. It comes from strangers: names are kept apart from every prototype, lines without a
 * colon are passed over.
 */
export function readHeaders(block: Uint8Array): Headers {
  const headers = Object.create(null) as Headers
  const text = Buffer.from(block.buffer, block.byteOffset, block.byteLength).toString()
  for (let at = lineAfter(text, 0); at < text.length; ) {
    const found = text.indexOf('\r\n', at)
    const end = found === -1 ? text.length : found
    const colon = text.indexOf(':', at)
    if (colon > at && colon < end) {
      const name = text.slice(at, colon)
      const value = text.slice(colon + 1, end).trim()
      const before = headers[name]
      headers[name] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value]
    }
    at = end + 2
  }
  return headers
}

/** The number after `NATS/1.0`, by which the server speaks for itself; 0 where there is none. */
export function statusOf(block: Uint8Array): number {
  const code = Buffer.from(block.buffer, block.byteOffset, Math.min(block.byteLength, 13))
    .toString('latin1')
    .slice(8)
    .trim()
  return /^\d{3}$/.test(code) ? Number(code) : 0
}

function lineAfter(text: string, at: number): number {
  const end = text.indexOf('\r\n', at)
  return end === -1 ? text.length : end + 2
}
