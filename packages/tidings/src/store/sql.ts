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
  return { text: [`"${name.replaceAll('"', '""')}"`], values: [] }
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
