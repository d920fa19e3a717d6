import { isTidingsError, TidingsError } from 'tidings/spi'

/** What PostgreSQL itself reports (https://www.postgresql.org/docs/current/protocol-error-fields.html), as `pg` hands it on. */
export interface ServerError extends Error {
  /** SQLSTATE. */
  readonly code: string
  readonly severity: string
  readonly detail?: string
  readonly constraint?: string
  readonly table?: string
  readonly column?: string
}

/** SQLSTATEs that our own function raises. */
export const raised = { broken: 'TD001', isolation: 'TD002' } as const

export function isServerError(error: unknown): error is ServerError {
  if (!(error instanceof Error)) return false
  const { code, severity } = error as Partial<ServerError>
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && typeof severity === 'string'
}

/** The connection went away while the call was under way: nobody knows what became of it. */
export function isLost(error: unknown): boolean {
  return (
    !isServerError(error) || error.severity === 'FATAL' || error.severity === 'PANIC' || error.code.startsWith('57P')
  )
}

/** Two transactions got into each other's way; nothing of this one was applied, and trying again helps. */
export function isCollision(error: unknown): boolean {
  return isServerError(error) && (error.code === '40P01' || error.code === '40001')
}

/** Somebody keeps locked what a statement needs. It says nothing about the statement. */
export function isLocked(error: unknown): boolean {
  return isServerError(error) && error.code === '55P03'
}

/** The transaction had failed before this statement came. */
export function isAborted(error: unknown): boolean {
  return isServerError(error) && error.code === '25P02'
}

// Wrong data, violated constraints, limits, what triggers raise. Everything else speaks of the server, the session or our own tables.
const unitAtFault = /^(?:22|23|54|P0)/

/** True where one of our own statements failed because of what a unit holds. Values that cannot be put on the wire count, too. */
export function blamesUnit(error: unknown): boolean {
  if (isServerError(error)) return !isLost(error) && unitAtFault.test(error.code)
  return error instanceof TypeError || error instanceof RangeError || isTidingsError(error, 'TIDINGS_UNIT_REFUSED')
}

// Connections, rights to log in, read-only servers, collisions, resources, shutdown, disks, damage.
const serverAtFault = /^(?:08|25006|28|40|53|57P|58|F0|XX)/

/** The same of a statement of the user's, who may do anything wrong. */
export function blamesStatement(error: unknown): boolean {
  if (isServerError(error)) return !isLost(error) && !serverAtFault.test(error.code)
  return isTidingsError(error, 'TIDINGS_UNIT_REFUSED')
}

const full = new Set(['53100'])
const corrupt = new Set(['XX001', 'XX002'])

/** What a failure means to callers of the store. Coded errors pass; `during` names the step. */
export function storeError(error: unknown, during: string): Error {
  if (isTidingsError(error)) return error
  if (!isServerError(error)) {
    const because = connectionTrouble(error)
    return new TidingsError('TIDINGS_STORE_UNAVAILABLE', `${during} failed: ${because}.`, {
      cause: error,
      details: { during },
    })
  }
  const { code } = error
  const details = { during, sqlstate: code }
  const because = `${during} failed: ${publicWords(error)} (SQLSTATE ${code})`
  if (code.startsWith('22')) {
    return new TidingsError('TIDINGS_INVALID_OPTION', `${because}. Texts must not hold NUL characters.`, {
      cause: error,
      details,
    })
  }
  if (full.has(code) || error.message.includes('No space left on device')) {
    return new TidingsError(
      'TIDINGS_STORE_FULL',
      `${because}. Nothing of it was written; it works again once there is space.`,
      { cause: error, details },
    )
  }
  if (corrupt.has(code)) return new TidingsError('TIDINGS_STORE_CORRUPT', `${because}.`, { cause: error, details })
  if (code === raised.isolation) {
    return new TidingsError(
      'TIDINGS_INVALID_OPTION',
      `${during} failed: events are appended in READ COMMITTED transactions only.`,
      { cause: error, details },
    )
  }
  return new TidingsError('TIDINGS_STORE_UNAVAILABLE', `${because}.`, { cause: error, details })
}

/** The same for a commit that was sent: what gave no answer may have been applied. */
export function commitError(error: unknown): Error {
  return isLost(error) && !isTidingsError(error) ? unknownOutcome(error) : storeError(error, 'A commit')
}

export function unknownOutcome(cause: unknown): TidingsError {
  return new TidingsError(
    'TIDINGS_COMMIT_UNKNOWN',
    'The connection was lost in the middle of a commit; what it had written may stand. Repeat it with the same ids.',
    { cause },
  )
}

/** Kinds of constraints, by SQLSTATE; the same words as on SQLite. */
const constraints: ReadonlyMap<string, string> = new Map([
  ['23502', 'not null'],
  ['23503', 'foreign key'],
  ['23505', 'unique'],
  ['23514', 'check'],
  ['23P01', 'exclusion'],
])

/** Why a unit or query of the user's cannot be applied. `details.violates` names the kind of constraint, where it was one. */
export function refusal(error: unknown, what: string): TidingsError {
  if (isTidingsError(error)) return error
  if (!isServerError(error)) {
    return new TidingsError('TIDINGS_UNIT_REFUSED', `${what} failed: a value cannot be sent.`, { cause: error })
  }
  const { code, constraint, table, column } = error
  const violates = constraints.get(code)
  const details = {
    sqlstate: code,
    ...(violates !== undefined && { violates }),
    ...(constraint !== undefined && { constraint }),
    ...(table !== undefined && { table }),
    ...(column !== undefined && { column }),
  }
  if (isLocked(error)) {
    return new TidingsError(
      'TIDINGS_STORE_UNAVAILABLE',
      `${what} failed: somebody keeps locked what it needs (SQLSTATE ${code}). Nothing of the unit was written.`,
      { cause: error, details },
    )
  }
  return new TidingsError('TIDINGS_UNIT_REFUSED', `${what} failed: ${publicWords(error)} (SQLSTATE ${code}).`, {
    cause: error,
    details,
  })
}

// Violated constraints, and syntax and names, are told in words that hold no value; what triggers raise and conversions complain of may.
const speaksOfSchema = /^(?:08|0A|23|25|40|42|53|54|55|57|58|XX)/

function publicWords({ code, message }: ServerError): string {
  return speaksOfSchema.test(code) ? message : 'PostgreSQL refused a value'
}

/** Without host names or passwords: what Node says of sockets holds neither secrets nor payload, but an address. */
function connectionTrouble(error: unknown): string {
  const { code } = error as { readonly code?: unknown }
  return typeof code === 'string' ? `the connection broke (${code})` : 'the connection was lost'
}
