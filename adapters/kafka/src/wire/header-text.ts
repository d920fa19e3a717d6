/** Longest bytes that are compared with those that came before. */
const longest = 100

/** A text that was read before, and its bytes. */
interface Known {
  readonly bytes: Uint8Array
  readonly text: string
}

/** Headers whose value is mostly that of the record before. */
const recurring: ReadonlySet<string> = new Set([
  'ce_specversion',
  'ce_source',
  'ce_type',
  'ce_dataschema',
  'ce_category',
  'ce_tenantid',
  'ce_priority',
  'content-type',
])

const names: (Known | undefined)[] = new Array<Known | undefined>(1_024)
const values = new Map<string, Known>()

/**
 * The name of a header. Names are few and come with every record: making each anew, and as the name of a property, would cost more than all
 * the rest of reading it.
 */
export function headerName(bytes: Buffer, start: number, end: number): string {
  const length = end - start
  if (length <= 0 || length > longest) return bytes.toString('latin1', Math.max(0, start), Math.max(0, end))
  const slot = hashOf(bytes, start, end)
  const known = names[slot]
  if (known !== undefined && same(known.bytes, bytes, start, end)) return known.text
  const text = bytes.toString('latin1', start, end)
  names[slot] = { bytes: Uint8Array.from(bytes.subarray(start, end)), text }
  return text
}

/** The value of a header where it is plain ASCII; otherwise its bytes, which may be anything. */
export function headerValue(name: string, bytes: Buffer, start: number, end: number): string | Buffer {
  if (!recurring.has(name) || end - start > longest)
    return ascii(bytes, start, end) ? bytes.toString('latin1', start, end) : bytes.subarray(start, end)
  const known = values.get(name)
  if (known !== undefined && same(known.bytes, bytes, start, end)) return known.text
  if (!ascii(bytes, start, end)) return bytes.subarray(start, end)
  const text = bytes.toString('latin1', start, end)
  values.set(name, { bytes: Uint8Array.from(bytes.subarray(start, end)), text })
  return text
}

/** Of names that all begin alike the middle and the end tell which it is. */
function hashOf(bytes: Buffer, start: number, end: number): number {
  const middle = bytes[(start + end) >> 1] as number
  const before = bytes[Math.max(start, end - 3)] as number
  return ((end - start) * 13 + middle * 97 + before * 29 + (bytes[end - 1] as number) * 53) & 1_023
}

function same(known: Uint8Array, bytes: Buffer, start: number, end: number): boolean {
  if (known.length !== end - start) return false
  for (let at = 0; at < known.length; at++) if (known[at] !== bytes[start + at]) return false
  return true
}

function ascii(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if ((bytes[at] as number) > 0x7f) return false
  return true
}
