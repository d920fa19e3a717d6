import { nameTexts, type Prepared } from './name-texts.ts'

/** What is sent for one statement of a user. */
export interface BoundStatement {
  /** With places `$1`, `$2`, …, and no NUL character. */
  readonly text: string
  /** One for each place: text, bytes, or null. */
  readonly values: readonly (string | Buffer | null)[]
}

/** Most values of one statement: their count is sent in two bytes. */
export const mostValues = 65_535

const letter = { bind: 0x42, close: 0x43, parse: 0x50, statement: 0x53 } as const
/** Execute what was bound, all rows of it, and Sync. */
const executeAndSync = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4])
const sync = executeAndSync.subarray(10)

export interface StatementMessages {
  readonly bytes: Buffer
  /** How often the server says that it is ready for more, if nothing fails: once for each statement, and once for what has been named. */
  readonly answers: number
}

/**
 * The messages that run statements one after the other (https://www.postgresql.org/docs/current/protocol-message-formats.html), in one piece: written
 * message by message they would cost this process twice as much. Parsing is half of what a small statement costs the server, so what comes again is parsed once:
 * see `nameTexts`. Nothing is left behind on a connection that others use next: names are closed in the end, whatever has failed.
 *
 * Each statement ends with a Sync, although one for all would be cheaper: where the rest of the next one never arrives, the server ends a
 * transaction that idles, but waits for the end of a sequence for ever.
 */
export function statementMessages(statements: readonly BoundStatement[]): StatementMessages {
  const { prepared, names } = nameTexts(statements.map(({ text }) => text))
  let size = sync.length
  for (const name of names) size += 7 + name.length
  for (let place = 0; place < statements.length; place++) {
    const { text, values } = statements[place] as BoundStatement
    const { name, parse } = prepared[place] as Prepared
    if (parse) size += 9 + name.length + Buffer.byteLength(text)
    size += 13 + name.length + executeAndSync.length
    for (const value of values) size += 6 + (value === null ? 0 : Buffer.byteLength(value))
  }
  const buffer = Buffer.allocUnsafe(size)
  let at = 0
  for (let place = 0; place < statements.length; place++) {
    const { text, values } = statements[place] as BoundStatement
    const { name, parse } = prepared[place] as Prepared
    if (parse) at = writeParse(buffer, at, name, text)
    at = writeBind(buffer, at, name, values)
    at += executeAndSync.copy(buffer, at)
  }
  for (const name of names) at = writeClose(buffer, at, name)
  if (names.length > 0) at += sync.copy(buffer, at)
  return { bytes: buffer.subarray(0, at), answers: statements.length + (names.length > 0 ? 1 : 0) }
}

/** The types of its values are left to the server. */
function writeParse(buffer: Buffer, start: number, name: string, text: string): number {
  buffer[start] = letter.parse
  let at = writeName(buffer, start + 5, name)
  at = writeName(buffer, at, text)
  at = buffer.writeInt16BE(0, at)
  buffer.writeInt32BE(at - start - 1, start + 1)
  return at
}

/** Bytes travel as they are, everything else as text, and so do the answers. */
function writeBind(buffer: Buffer, start: number, name: string, values: BoundStatement['values']): number {
  buffer[start] = letter.bind
  // To a portal without a name.
  buffer[start + 5] = 0
  let at = writeName(buffer, start + 6, name)
  at = buffer.writeUInt16BE(values.length, at)
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

function writeClose(buffer: Buffer, start: number, name: string): number {
  buffer[start] = letter.close
  buffer[start + 5] = letter.statement
  const at = writeName(buffer, start + 6, name)
  buffer.writeInt32BE(at - start - 1, start + 1)
  return at
}

function writeName(buffer: Buffer, at: number, name: string): number {
  const end = at + buffer.write(name, at)
  buffer[end] = 0
  return end + 1
}
