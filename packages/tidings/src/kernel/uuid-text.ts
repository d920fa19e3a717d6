const text = Buffer.alloc(36, '-')

/** The two digits of each byte, as character codes. */
const digits = Uint8Array.from({ length: 512 }, (_, at) =>
  (at >> 1)
    .toString(16)
    .padStart(2, '0')
    .charCodeAt(at & 1),
)

/** Where the digits of each byte stand, around the hyphens. */
const places = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34] as const

/**
 * The text of a UUID, `0189dcd5-5311-7d40-8db0-9496a2eef37b`, of its 16 bytes. In one piece, where joining digits leaves two dozen pieces
 * behind that whoever stores or hashes the id must put together again.
 */
export function uuidText(bytes: Readonly<Uint8Array>): string {
  for (let at = 0; at < 16; at++) {
    const place = places[at] as number
    const digit = (bytes[at] as number) << 1
    text[place] = digits[digit] as number
    text[place + 1] = digits[digit + 1] as number
  }
  return text.toString('latin1')
}
