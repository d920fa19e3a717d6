import { constants, type DatabaseSync } from 'node:sqlite'

/** Names that begin so are ours. */
const ours = /^tidings_/i

/** What people may read of ours. */
const view = 'tidings_log'

/** Pragmas that full-text search runs by itself. */
const harmless = new Set(['data_version'])

/** Whose SQL is being prepared or run: ours, a user's that may write, a user's that may only read. */
export type SqlMode = 'ours' | 'write' | 'read'

/**
 * Keeps SQL of users away from transactions, settings and our own tables, however it is phrased: SQLite asks here while it
 * compiles, also for what triggers and views do. It protects from mistakes; who can open the file can do as he pleases.
 */
export class Guard {
  #mode: SqlMode = 'ours'
  #broken: string | undefined

  constructor(db: DatabaseSync) {
    db.setAuthorizer((action, first, second, _database, via) => {
      if (this.#mode === 'ours') return constants.SQLITE_OK
      const broken = brokenRule(this.#mode, action, first, second, via)
      if (broken === undefined) return constants.SQLITE_OK
      this.#broken = broken
      return constants.SQLITE_DENY
    })
  }

  /** From here on SQL is a user's, until `leave`. What it must not do makes SQLite throw, and `broken` says which rule it was. */
  enter(mode: Exclude<SqlMode, 'ours'>): void {
    this.#mode = mode
    this.#broken = undefined
  }

  leave(): void {
    this.#mode = 'ours'
  }

  /** The rule that the last run broke, if any. */
  get broken(): string | undefined {
    return this.#broken
  }
}

function brokenRule(
  mode: SqlMode,
  action: number,
  first: string | null,
  second: string | null,
  via: string | null,
): string | undefined {
  switch (action) {
    case constants.SQLITE_SELECT:
    case constants.SQLITE_FUNCTION:
    case constants.SQLITE_RECURSIVE:
      return undefined
    case constants.SQLITE_READ:
      // An empty column: the table is named and nothing of it read, as where a query of the view leaves some of it aside.
      return ours.test(first ?? '') && first !== view && via !== view && second !== ''
        ? `it may read \`${view}\`, but no other table of Tidings`
        : undefined
    case constants.SQLITE_PRAGMA:
      return harmless.has(first ?? '') ? undefined : 'it must not use pragmas'
    case constants.SQLITE_TRANSACTION:
    case constants.SQLITE_SAVEPOINT:
      return 'it must not begin or end transactions'
    case constants.SQLITE_ATTACH:
    case constants.SQLITE_DETACH:
      return 'it must not attach or detach databases'
    default:
      if (mode === 'read') return 'a query outside of a unit only reads'
      return ours.test(first ?? '') || ours.test(second ?? '')
        ? 'it must not change tables of Tidings (names that begin with `tidings_`)'
        : undefined
  }
}
