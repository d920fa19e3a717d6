import { renderSql, type SqlValue, type Statement, TidingsError } from 'tidings/spi'

import { mostValues } from './statement-messages.ts'
import { scanStatement } from './statement-text.ts'

/** What would end the transaction that the statement runs in, or outlive it on a connection that others use next. */
const refusedWords = new Set([
  'abort',
  'begin',
  'close',
  'commit',
  'copy',
  'deallocate',
  'declare',
  'discard',
  'end',
  'execute',
  'fetch',
  'listen',
  'load',
  'move',
  'notify',
  'prepare',
  'release',
  'reset',
  'rollback',
  'savepoint',
  'set',
  'start',
  'unlisten',
])

// The text parts of a template are the same array at each run of it.
const known = new WeakMap<readonly string[], string>()

/** A user's statement as PostgreSQL takes it. Throws TIDINGS_UNIT_REFUSED. */
export function renderStatement(
  statement: Statement,
  what: string,
): { readonly text: string; readonly values: (string | Buffer | null)[] } {
  let text = known.get(statement.text)
  if (text === undefined) {
    text = renderSql(statement, (at) => `$${at}`)
    const { firstWord, places } = scanStatement(text)
    if (firstWord === '') throw refuse(what, 'it must not be empty')
    if (refusedWords.has(firstWord)) throw refuse(what, `it must not begin with ${firstWord.toUpperCase()}`)
    if (text.includes('\0')) throw refuse(what, 'it must not hold NUL characters')
    if (places !== statement.text.length - 1)
      throw refuse(what, 'its values must be given apart from the text, none inside quotes')
    known.set(statement.text, text)
  }
  if (statement.values.length !== statement.text.length - 1) throw refuse(what, 'it must have one value for each place')
  if (statement.values.length > mostValues)
    throw refuse(what, `it must not have more than ${mostValues.toLocaleString('en-US')} values`)
  return { text, values: statement.values.map((value, at) => bindable(value, at, what)) }
}

function bindable(value: SqlValue, at: number, what: string): string | Buffer | null {
  switch (typeof value) {
    case 'string':
      if (value.includes('\0')) throw refuse(what, `value ${at + 1} must not hold NUL characters`)
      return value
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value)
    default:
      if (value === null) return null
      if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      throw refuse(what, `value ${at + 1} must be text, a number, a bigint, a boolean, bytes or null`)
  }
}

function refuse(what: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_UNIT_REFUSED', `${what} is refused: ${rule}.`, { details: { rule } })
}
