import { TidingsError } from 'tidings/spi'

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html), as far as they mean something to us. */
const code = {
  busy: 5,
  locked: 6,
  noMemory: 7,
  readOnly: 8,
  interrupt: 9,
  io: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  constraint: 19,
  auth: 23,
  notDatabase: 26,
} as const

/** The wal-index could not grow: the disk is full, though SQLite calls it an I/O error. */
const shmSize = 4874

const environment = new Set<number>([
  code.busy,
  code.locked,
  code.noMemory,
  code.readOnly,
  code.interrupt,
  code.io,
  code.corrupt,
  code.full,
  code.cantOpen,
  code.notDatabase,
])

interface SqliteError extends Error {
  readonly errcode: number
  readonly errstr: string
}

export function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && typeof (error as { errcode?: unknown }).errcode === 'number'
}

/** Somebody else holds the lock: trying again later will do. */
export function isBusy(error: unknown): boolean {
  return isSqliteError(error) && (primary(error) === code.busy || primary(error) === code.locked)
}

export function isCorrupt(error: unknown): boolean {
  return isSqliteError(error) && (primary(error) === code.corrupt || primary(error) === code.notDatabase)
}

/** True where the failure says nothing about the statement: disk, memory, locks, the file itself. */
export function isEnvironment(error: unknown): boolean {
  return isSqliteError(error) && environment.has(primary(error))
}

/** What a failure of SQLite means to callers of the store. Coded errors pass; `during` names the step. */
export function storeError(error: unknown, during: string): Error {
  if (!isSqliteError(error)) return error as Error
  const details = { during, sqlite: error.errcode }
  const because = `${during} failed: ${error.errstr} (SQLite ${error.errcode})`
  switch (primary(error)) {
    case code.full:
      return full(because, error, details)
    case code.io:
      if (error.errcode === shmSize) return full(because, error, details)
      break
    case code.corrupt:
    case code.notDatabase:
      return new TidingsError('TIDINGS_STORE_CORRUPT', `${because}. \`inspectSqlite\` tells what can still be read.`, {
        cause: error,
        details,
      })
    default:
  }
  return new TidingsError('TIDINGS_STORE_UNAVAILABLE', `${because}.`, { cause: error, details })
}

/** Kinds of constraints, by SQLite's extended codes; the same words as on PostgreSQL. */
const constraints: ReadonlyMap<number, string> = new Map([
  [275, 'check'],
  [787, 'foreign key'],
  [1299, 'not null'],
  [1555, 'unique'],
  [2067, 'unique'],
  [2579, 'unique'],
])

/** Why a unit or query of the user's cannot be applied. `details.violates` names the kind of constraint, where it was one. SQLite's own words may quote values, save where it speaks of the schema. */
export function refusal(error: unknown, what: string): TidingsError {
  const violates = isSqliteError(error) ? constraints.get(error.errcode) : undefined
  const details = isSqliteError(error) ? { sqlite: error.errcode, ...(violates !== undefined && { violates }) } : {}
  const why = isSqliteError(error)
    ? primary(error) === code.constraint
      ? error.message
      : error.errstr
    : 'a value cannot be bound'
  return new TidingsError('TIDINGS_UNIT_REFUSED', `${what} failed: ${why}.`, { cause: error, details })
}

function full(because: string, cause: Error, details: Readonly<Record<string, unknown>>): TidingsError {
  return new TidingsError(
    'TIDINGS_STORE_FULL',
    `${because}. Nothing of it was written; it works again once there is space.`,
    { cause, details },
  )
}

function primary(error: SqliteError): number {
  return error.errcode & 0xff
}
