/** Most errors that are looked at below one: causes and members of aggregates can be many, or lead in circles. */
const furthest = 50

const codes: ReadonlySet<unknown> = new Set([
  // Node's network layer
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ETIMEDOUT',
  'EPIPE',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  // Node's fetch
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_SOCKET',
  // PostgreSQL: shutting down, crashed, starting up, no free connection
  '57P01',
  '57P02',
  '57P03',
  '53300',
  // SQLite
  'SQLITE_BUSY',
  // our own stores: away, or gone in the middle of a commit
  'TIDINGS_STORE_UNAVAILABLE',
  'TIDINGS_COMMIT_UNKNOWN',
])

/** Result codes of node:sqlite, whose low byte is the kind: 5 is busy. */
const sqliteBusy = 5

/**
 * True where an error says that a dependency cannot be reached, and so nothing about the event: `UnavailableError`, broken and
 * refused connections, databases that are starting, ending or full. Looks through `cause` and `errors`, at 50 errors at most.
 */
export function isUnavailable(error: unknown): boolean {
  const seen = new Set<unknown>()
  const waiting: unknown[] = [error]
  while (waiting.length > 0 && seen.size < furthest) {
    const one = waiting.pop()
    if (typeof one !== 'object' || one === null || seen.has(one)) continue
    seen.add(one)
    // Errors come from anywhere; one whose properties throw says nothing.
    try {
      const { unavailable, permanent, code, errcode, cause, errors } = one as Record<string, unknown>
      // Who throws PermanentError has seen what lies underneath and judged it.
      if (permanent === true) continue
      if (unavailable === true || isCode(code, errcode)) return true
      waiting.push(cause)
      if (Array.isArray(errors)) waiting.push(...errors.slice(0, furthest))
    } catch {}
  }
  return false
}

function isCode(code: unknown, errcode: unknown): boolean {
  if (typeof code !== 'string') return false
  // SQLSTATE class 08 is "connection exception".
  if (codes.has(code) || /^08[0-9A-Z]{3}$/.test(code)) return true
  return code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number' && (errcode & 0xff) === sqliteBusy
}
