import { readHeaders, statusOf } from '../wire/read-headers.ts'

/** What a server says about a request for messages, instead of a message. */
export type PullStatus =
  /** It lives, and there is nothing new. */
  | { readonly kind: 'beat' }
  /** The request has ended with `left` of its messages not sent; `full`: the next one was larger than what it had left of its bytes. */
  | { readonly kind: 'ended'; readonly left: number; readonly full: boolean }
  /** This consumer will deliver nothing more. */
  | { readonly kind: 'over'; readonly code: number }

export function pullStatus(headers: Uint8Array | undefined): PullStatus {
  const code = headers === undefined ? 0 : statusOf(headers)
  if (headers === undefined || (code !== 100 && code !== 404 && code !== 408 && code !== 409))
    return { kind: 'over', code }
  if (code === 100) return { kind: 'beat' }
  const left = Number(readHeaders(headers)['Nats-Pending-Messages'] ?? Number.NaN)
  // Of the consumer itself (it was deleted, its leader has moved, a limit forbids the request) nothing is left to say.
  return Number.isSafeInteger(left) ? { kind: 'ended', left, full: code === 409 && left > 0 } : { kind: 'over', code }
}
