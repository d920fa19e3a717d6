import { TidingsError } from '../kernel/errors.ts'
import type { SqlValue, Statement } from './store.ts'

/** What may stand in a `sql` template: a value to bind, or another piece of SQL to join in. */
export type SqlPart = SqlValue | Date | Statement

export interface SqlTag {
  (strings: TemplateStringsArray, ...parts: readonly SqlPart[]): Statement
  /** A table's or column's name, quoted. Throws TIDINGS_INVALID_OPTION for names with a NUL. */
  identifier(name: string): Statement
}

/**
 * SQL as data: sql`update stock set reserved = reserved + ${n} where sku = ${sku}`. Values are bound, never pasted; pieces made by
 * `sql` or `sql.identifier` join in. The same template works on SQLite and PostgreSQL.
 */
export const sql: SqlTag = Object.assign(compose, { identifier })

function compose(strings: TemplateStringsArray, ...parts: readonly SqlPart[]): Statement {
  if (!parts.some(isStatement)) return { text: strings, values: parts.map(asValue) }
  return composed.get(strings, parts) ?? join(strings, parts)
}

/** A template with the names of tables in their places, and the text that came of them. */
interface Composed {
  readonly names: readonly (Statement | undefined)[]
  readonly text: readonly string[]
}

/** Most sets of names that are kept for one template: two generations of a projection are fed side by side, and now and then a third. */
const mostNames = 8

/**
 * A template that is run again and again with the same names of tables in the same places makes the same text: the same array, so that stores find what
 * they have prepared by it. Names come frozen from `identifier`, and one of them stands for the same text for ever.
 */
const composed = {
  known: new WeakMap<TemplateStringsArray, Composed[]>(),
  get(strings: TemplateStringsArray, parts: readonly SqlPart[]): Statement | undefined {
    const values: SqlValue[] = []
    for (const part of parts) {
      if (!isStatement(part)) values.push(asValue(part))
      else if (!names.has(part)) return undefined
    }
    let list = this.known.get(strings)
    const found = list?.find((one) => one.names.every((name, at) => name === nameAt(parts, at)))
    if (found !== undefined) return { text: found.text, values }
    if (list === undefined) this.known.set(strings, (list = []))
    if (list.length === mostNames) list.shift()
    const { text } = join(strings, parts)
    list.push({ names: parts.map((_, at) => nameAt(parts, at)), text })
    return { text, values }
  },
}

function nameAt(parts: readonly SqlPart[], at: number): Statement | undefined {
  const part = parts[at] as SqlPart
  return isStatement(part) ? part : undefined
}

/** What `identifier` has made. */
const names = new WeakSet<Statement>()

function join(strings: TemplateStringsArray, parts: readonly SqlPart[]): Statement {
  const text: string[] = [strings[0] ?? '']
  const values: SqlValue[] = []
  parts.forEach((part, at) => {
    const after = strings[at + 1] ?? ''
    if (isStatement(part)) {
      text[text.length - 1] += part.text[0] ?? ''
      text.push(...part.text.slice(1))
      values.push(...part.values)
      text[text.length - 1] += after
    } else {
      values.push(asValue(part))
      text.push(after)
    }
  })
  return { text, values }
}

function identifier(name: string): Statement {
  if (name === '' || name.includes('\0')) {
    throw new TidingsError('TIDINGS_INVALID_OPTION', 'Expected an SQL identifier to be text without NUL characters.', {
      details: { field: 'identifier' },
    })
  }
  const made: Statement = Object.freeze({
    text: Object.freeze([`"${name.replaceAll('"', '""')}"`]),
    values: Object.freeze([]),
  })
  names.add(made)
  return made
}

/** The statement as one text, with each value's place written by `placeholder` (from 1). */
export function renderSql(statement: Statement, placeholder: (at: number) => string): string {
  return statement.text.reduce((text, part, at) => (at === 0 ? part : text + placeholder(at) + part), '')
}

function isStatement(part: SqlPart): part is Statement {
  return typeof part === 'object' && part !== null && 'text' in part
}

function asValue(part: SqlPart): SqlValue {
  return part instanceof Date ? part.toISOString() : (part as SqlValue)
}
