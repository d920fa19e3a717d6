import { isTidingsError, PermanentError, RetryAfter } from '../kernel/errors.ts'
import { isUnavailable } from '../resilience/unavailable.ts'

/** What a failed attempt says about its event. */
export type Verdict =
  /** It may succeed later; this attempt counts. `after`: the handler named the wait. */
  | { readonly kind: 'retry'; readonly after?: number }
  /** It never will. */
  | { readonly kind: 'dead' }
  /** A newer definition may know it. No attempt is spent. */
  | { readonly kind: 'upgrade' }
  /** Nothing about the event: a dependency is away. No attempt is spent. */
  | { readonly kind: 'unavailable' }
  /** Nothing about the event: the attempt was taken back. No attempt is spent. */
  | { readonly kind: 'withdrawn' }

/**
 * `own`: the attempt was taken back with this error, or has met the end of its own bus, or was beaten by somebody who has published the same. The same codes thrown by what a handler calls, such as another
 * bus, are failures like any other.
 */
export function verdictOf(error: unknown, own = false): Verdict {
  if (isTidingsError(error)) {
    switch (error.code) {
      case 'TIDINGS_UPGRADE_NEEDED':
        return { kind: 'upgrade' }
      case 'TIDINGS_CHECKSUM_MISMATCH':
      case 'TIDINGS_SEAL_INVALID':
      case 'TIDINGS_UNDECODABLE':
      case 'TIDINGS_INVALID_DATA':
      case 'TIDINGS_INVALID_EVENT':
      case 'TIDINGS_NOT_SUPPORTED':
      case 'TIDINGS_TOO_LARGE':
        return { kind: 'dead' }
      case 'TIDINGS_WITHDRAWN':
      case 'TIDINGS_FENCED':
      case 'TIDINGS_CLOSED':
      case 'TIDINGS_CONFLICT':
        if (own) return { kind: 'withdrawn' }
        break
      default:
    }
  }
  if (error instanceof PermanentError || has(error, 'permanent')) return { kind: 'dead' }
  if (error instanceof RetryAfter)
    return isWait(error.delay) ? { kind: 'retry', after: error.delay } : { kind: 'retry' }
  if (isUnavailable(error)) return { kind: 'unavailable' }
  return { kind: 'retry' }
}

/** A wait that is none leaves the choice to the subscription's backoff. */
function isWait(delay: unknown): boolean {
  return typeof delay === 'number' && Number.isFinite(delay) && delay >= 0
}

/** Brands survive two copies of the library in one process; classes do not. */
function has(error: unknown, brand: string): boolean {
  return typeof error === 'object' && error !== null && (error as Record<string, unknown>)[brand] === true
}
