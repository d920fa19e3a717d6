/** Deepest that tables and lists in headers may stand in each other. No attribute of a CloudEvent is one at all. */
const deepest = 100

/** A frame of fewer bytes has no room for more levels than the client can read, by far. */
const harmless = 8_192

/** Where the flags stand that say which properties follow, and those before the headers. */
const flagsAt = 12
const contentType = 0x8000
const contentEncoding = 0x4000
const headers = 0x2000

const list = 65
const table = 70

/** Bytes of each type of field that has a fixed size. */
const sizes: ReadonlyMap<number, number> = new Map(
  Object.entries({ t: 1, b: 1, B: 1, s: 2, u: 2, I: 4, i: 4, f: 4, l: 8, T: 8, d: 8, D: 5, V: 0 }).map(
    ([type, size]) => [type.charCodeAt(0), size],
  ),
)

/**
 * Takes the properties away from a message whose headers nest too deep, given what its header frame carries: the client reads them by calls within
 * calls, until there is no stack left, and its connection dies of that each time the message comes again. Without properties the message is none that can be
 * read, and is parked as such. Does not recurse.
 */
export function dropDeepHeaders(frame: Buffer): void {
  if (frame.length > harmless && isDeep(frame)) frame.writeUInt16BE(0, flagsAt)
}

function isDeep(frame: Buffer): boolean {
  const flags = frame.readUInt16BE(flagsAt)
  let at = flagsAt + 2
  if ((flags & contentType) !== 0) at += 1 + (frame[at] ?? 0)
  if ((flags & contentEncoding) !== 0) at += 1 + (frame[at] ?? 0)
  if ((flags & headers) === 0) return false
  /** What stands open, outermost first. */
  const open: { readonly end: number; readonly named: boolean }[] = []
  const enter = (named: boolean): void => {
    open.push({ end: at + 4 + lengthAt(frame, at), named })
    at += 4
  }
  enter(true)
  for (let inner = open.at(-1); inner !== undefined; inner = open.at(-1)) {
    if (at >= inner.end) {
      open.pop()
      continue
    }
    if (inner.named) at += 1 + (frame[at] ?? 0)
    const type = frame[at++] ?? 0
    if (type !== list && type !== table) at += sizes.get(type) ?? 4 + lengthAt(frame, at)
    else if (open.length > deepest) return true
    else enter(type === table)
  }
  return false
}

/** The broker has read them before, so they are sound; should they ever not be, this ends all the same. */
function lengthAt(frame: Buffer, at: number): number {
  return at + 4 <= frame.length ? frame.readUInt32BE(at) : 0
}
