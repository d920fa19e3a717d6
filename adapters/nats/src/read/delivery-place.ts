/** Where a delivered message stands, as the server says in the subject to answer to. */
export interface DeliveryPlace {
  /** Its number in the stream. */
  readonly stream: number
  /** Its number among what this consumer was sent, from 1. */
  readonly consumer: number
}

/**
 * Reads `$JS.ACK.<stream>.<consumer>.<times>.<stream number>.<consumer number>.<time>.<pending>`, or the same with domain and account before
 * the stream; undefined where it is neither.
 */
export function deliveryPlace(reply: string): DeliveryPlace | undefined {
  if (!reply.startsWith('$JS.ACK.')) return undefined
  const tokens = reply.split('.')
  const at = tokens.length === 9 ? 5 : tokens.length >= 11 ? 7 : 0
  const stream = Number(tokens[at])
  const consumer = Number(tokens[at + 1])
  return at > 0 && Number.isSafeInteger(stream) && Number.isSafeInteger(consumer) ? { stream, consumer } : undefined
}
