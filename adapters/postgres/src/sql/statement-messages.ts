/** What is sent for one statement of a user. */
export interface BoundStatement {
  /** With places `$1`, `$2`, …, and no NUL character. */
  readonly text: string
  /** One for each place: text, bytes, or null. */
  readonly values: readonly (string | Buffer | null)[]
}

/** Most values of one statement: their count is sent in two bytes. */
export const mostValues = 65_535

const letter = { bind: 0x42, parse: 0x50 } as const
/** Execute what was bound, all rows of it, and Sync. */
const executeAndSync = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4])

/**
 * The messages that run statements one after the other (https://www.postgresql.org/docs/current/protocol-message-formats.html), in one piece: written
 * message by message they would cost this process twice as much. A text is parsed where it differs from the one before it, which is half of what a small statement costs
 * the server; it gets no name, so nothing is left behind on a connection that others use next. Between two runs of one text stands nothing that could change of
 * what type its values are, for the transaction has locked its tables since it was parsed.
 *
 * Each statement ends with a Sync, although one for all would be cheaper: where the rest of the next one never arrives, the server ends a
 * transaction that idles, but waits for the end of a sequence for ever.
 */
export function statementMessages(statements: readonly BoundStatement[]): Buffer {
  let size = 0
  let parsed: string | undefined
  for (const { text, values } of statements) {
    if (text !== parsed) size += 9 + Buffer.byteLength(text)
    parsed = text
    size += 13 + executeAndSync.length
    for (const value of values) size += 6 + (value === null ? 0 : Buffer.byteLength(value))
  }
  const buffer = Buffer.allocUnsafe(size)
  let at = 0
  parsed = undefined
  for (const { text, values } of statements) {
    if (text !== parsed) at = writeParse(buffer, at, text)
    parsed = text
    at = writeBind(buffer, at, values)
    at += executeAndSync.copy(buffer, at)
  }
  return buffer
}

/** Without a name, and the types of its values left to the server. */
function writeParse(buffer: Buffer, start: number, text: string): number {
  buffer[start] = letter.parse
  buffer[start + 5] = 0
  let at = start + 6
  at += buffer.write(text, at)
  buffer[at++] = 0
  at = buffer.writeInt16BE(0, at)
  buffer.writeInt32BE(at - start - 1, start + 1)
  return at
}

/** To what was parsed last. Bytes travel as they are, everything else as text, and so do the answers. */
function writeBind(buffer: Buffer, start: number, values: readonly (string | Buffer | null)[]): number {
  buffer[start] = letter.bind
  buffer[start + 5] = 0
  buffer[start + 6] = 0
  let at = buffer.writeUInt16BE(values.length, start + 7)
  for (const value of values) at = buffer.writeInt16BE(value instanceof Buffer ? 1 : 0, at)
  at = buffer.writeUInt16BE(values.length, at)
  for (const value of values) {
    if (value === null) {
      at = buffer.writeInt32BE(-1, at)
      continue
    }
    const length = typeof value === 'string' ? buffer.write(value, at + 4) : value.copy(buffer, at + 4)
    buffer.writeInt32BE(length, at)
    at += 4 + length
  }
  at = buffer.writeInt16BE(0, at)
  buffer.writeInt32BE(at - start - 1, start + 1)
  return at
}
