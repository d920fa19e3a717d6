import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'

import { LRUCache } from 'lru-cache'
import { type Row, renderSql, type SqlValue, type Statement, TidingsError } from 'tidings/spi'

import { isEnvironment, refusal } from '../sqlite-errors.ts'
import type { Guard, SqlMode } from './guard.ts'
import { scanStatement } from './statement-text.ts'

/** Prepared statements kept by their text. */
const kept = 500

const refusedWords = new Set([
  'begin',
  'commit',
  'end',
  'rollback',
  'savepoint',
  'release',
  'attach',
  'detach',
  'pragma',
  'vacuum',
])

/**
 * SQL of users on one connection. What it throws is TIDINGS_UNIT_REFUSED where the statement is at fault, and SQLite's own error where the
 * disk, a lock or the file is.
 */
export class UserStatements {
  readonly #db: DatabaseSync
  readonly #guard: Guard
  /** By how they are used and by their text. */
  readonly #prepared = new LRUCache<string, StatementSync>({ max: kept })
  // The text parts of a template are the same array at each run of it.
  readonly #texts = new WeakMap<readonly string[], string>()
  /** Those that write and answer nothing, by the same array: looking up long texts costs more than small statements. */
  readonly #writing = new WeakMap<readonly string[], StatementSync>()

  constructor(db: DatabaseSync, guard: Guard) {
    this.#db = db
    this.#guard = guard
  }

  run(statement: Statement, what: string): void {
    const text = this.#render(statement, what)
    const values = bindables(statement, what)
    try {
      this.#guard.enter('write')
      const known = this.#writing.get(statement.text)
      if (known !== undefined) known.run(...values)
      else {
        const prepared = this.#prepare(text, 'run')
        prepared.run(...values)
        this.#writing.set(statement.text, prepared)
      }
    } catch (error) {
      throw this.#refusal(error, what)
    } finally {
      this.#guard.leave()
    }
  }

  rows(statement: Statement, mode: Exclude<SqlMode, 'ours'>, what: string): readonly Row[] {
    const text = this.#render(statement, what)
    const values = bindables(statement, what)
    try {
      // Prepared inside the guard, and run there too, because a changed schema makes SQLite compile anew.
      this.#guard.enter(mode)
      const prepared = this.#prepare(text, mode)
      const rows = prepared.all(...values) as unknown as readonly SQLOutputValue[][]
      if (rows.length === 0) return []
      // Asked anew each time: a changed schema changes what `*` stands for.
      const names = prepared.columns().map((column) => column.name)
      return rows.map((row) => Object.fromEntries(row.map((value, at) => [names[at], narrow(value)])))
    } catch (error) {
      throw this.#refusal(error, what)
    } finally {
      this.#guard.leave()
    }
  }

  #refusal(error: unknown, what: string): unknown {
    if (isEnvironment(error)) return error
    const { broken } = this.#guard
    return broken === undefined ? refusal(error, what) : refuse(what, broken, error)
  }

  /** What was compiled as a write has not been checked as a read. */
  #prepare(text: string, use: 'run' | 'write' | 'read'): StatementSync {
    const name = `${use} ${text}`
    let prepared = this.#prepared.get(name)
    if (prepared === undefined) {
      // Nobody looks at what a run answers, and big integers cost.
      prepared = this.#db.prepare(text, { readBigInts: use !== 'run', returnArrays: true })
      this.#prepared.set(name, prepared)
    }
    return prepared
  }

  #render(statement: Statement, what: string): string {
    const known = this.#texts.get(statement.text)
    const text = known ?? renderSql(statement, () => '?')
    if (known === undefined) {
      const { firstWord, places, named, more } = scanStatement(text)
      if (firstWord === '') throw refuse(what, 'it must not be empty')
      if (refusedWords.has(firstWord)) throw refuse(what, `it must not begin with ${firstWord.toUpperCase()}`)
      if (more) throw refuse(what, 'it must be one statement')
      if (text.includes('\0')) throw refuse(what, 'it must not hold NUL characters')
      if (named || places !== statement.text.length - 1)
        throw refuse(what, 'its values must be given apart from the text, none inside quotes')
      this.#texts.set(statement.text, text)
    }
    if (statement.values.length !== statement.text.length - 1)
      throw refuse(what, 'it must have one value for each place')
    return text
  }
}

function refuse(what: string, rule: string, cause?: unknown): TidingsError {
  return new TidingsError('TIDINGS_UNIT_REFUSED', `${what} is refused: ${rule}.`, { cause, details: { rule } })
}

function bindables({ values }: Statement, what: string): SQLInputValue[] {
  const bound = new Array<SQLInputValue>(values.length)
  for (let at = 0; at < values.length; at++) bound[at] = bindable(values[at] as SqlValue, at, what)
  return bound
}

/** Whole numbers are bound as such: as floating point, which Node chooses, 5 would stand as `5.0` in a column of text. */
function bindable(value: SqlValue, at: number, what: string): SQLInputValue {
  switch (typeof value) {
    case 'number':
      if (Number.isNaN(value)) throw refuse(what, `value ${at + 1} must be a number, got NaN`)
      return Number.isSafeInteger(value) ? BigInt(value) : value
    case 'boolean':
      return value ? 1n : 0n
    case 'string':
    case 'bigint':
      return value
    default:
      // Node takes an object in the first place for named values, and binds nothing.
      if (value === null || ArrayBuffer.isView(value)) return value
      throw refuse(what, `value ${at + 1} must be text, a number, a bigint, a boolean, bytes or null`)
  }
}

function narrow(value: SQLOutputValue): SqlValue {
  if (typeof value !== 'bigint') return value
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
}
