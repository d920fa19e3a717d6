/**
 * Every failure that Tidings itself reports, by its stable code. `docs/reference/errors.md` explains each;
 * a test compares the page with this table both ways.
 */
export const errorCodes = [
  'TIDINGS_ADAPTER_MISSING',
  'TIDINGS_ADAPTER_UNKNOWN',
  'TIDINGS_BROKER_UNAVAILABLE',
  'TIDINGS_CHECKSUM_MISMATCH',
  'TIDINGS_CLOSED',
  'TIDINGS_COMMIT_UNKNOWN',
  'TIDINGS_CONFLICT',
  'TIDINGS_DEADLINE',
  'TIDINGS_DUPLICATE_ID',
  'TIDINGS_EVOLVE_FAILED',
  'TIDINGS_FENCED',
  'TIDINGS_GROUP_SPLIT',
  'TIDINGS_HANDLER_TIMEOUT',
  'TIDINGS_HISTORY_GONE',
  'TIDINGS_INVALID_DATA',
  'TIDINGS_INVALID_EVENT',
  'TIDINGS_INVALID_OPTION',
  'TIDINGS_NOT_FOUND',
  'TIDINGS_NOT_SUPPORTED',
  'TIDINGS_OVERLOADED',
  'TIDINGS_PAYLOAD_MISSING',
  'TIDINGS_PROJECTION_BEHIND',
  'TIDINGS_PROJECTION_CHANGED',
  'TIDINGS_RATE_LIMITED',
  'TIDINGS_RELAY_REFUSED',
  'TIDINGS_SAGA_CHANGED',
  'TIDINGS_SEAL_INVALID',
  'TIDINGS_STORE_CORRUPT',
  'TIDINGS_STORE_FULL',
  'TIDINGS_STORE_NEWER',
  'TIDINGS_STORE_UNAVAILABLE',
  'TIDINGS_SUBSCRIPTION_CHANGED',
  'TIDINGS_SUBSCRIPTION_EXISTS',
  'TIDINGS_TOO_LARGE',
  'TIDINGS_TX_HOLD',
  'TIDINGS_UNDECODABLE',
  'TIDINGS_UNIT_REFUSED',
  'TIDINGS_UPGRADE_NEEDED',
  'TIDINGS_WITHDRAWN',
] as const

export type ErrorCode = (typeof errorCodes)[number]

export interface ErrorOptions {
  /** What lies underneath; kept on the error, never copied into its message. */
  cause?: unknown
  /** Facts for programs: the field, the limit, the line. Plain values without secrets or payload. */
  details?: Readonly<Record<string, unknown>>
}

/** A failure with a stable code. Its message names the field and the rule, and leaks no payload. */
export class TidingsError extends Error {
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>
  readonly '~tidings': true = true

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'TidingsError'
    this.code = code
    this.details = options.details ?? {}
  }
}

/** True for errors of this library, also of a second copy of it in the same process. */
export function isTidingsError(error: unknown, code?: ErrorCode): error is TidingsError {
  return (
    typeof error === 'object' &&
    error !== null &&
    '~tidings' in error &&
    (code === undefined || (error as TidingsError).code === code)
  )
}

/** Thrown by a handler to say that trying again is pointless: the event is parked as a dead letter at once. */
export class PermanentError extends Error {
  override readonly name = 'PermanentError'
  readonly permanent = true
}

/** Thrown by a handler to be tried again after `delay` milliseconds. Counts as an attempt. */
export class RetryAfter extends Error {
  override readonly name = 'RetryAfter'
  readonly delay: number
  constructor(delay: number, message = `Try again in ${delay} ms`, options?: { cause?: unknown }) {
    super(message, options)
    this.delay = delay
  }
}

/** Thrown by a handler whose dependency cannot be reached: says nothing about the event, so no attempt is spent. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError'
  readonly unavailable = true
}
