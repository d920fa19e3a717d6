import { JetStreamApiError } from '@nats-io/jetstream'
import { isTidingsError, TidingsError } from 'tidings/spi'

/** Codes of JetStream's errors, as far as it matters which one it is. */
export const apiCode = {
  consumerNotFound: 10_014,
  messageNotFound: 10_037,
  messageTooLarge: 10_054,
  streamNameInUse: 10_058,
  streamNotFound: 10_059,
  subjectsOverlap: 10_065,
  wrongLastSequence: 10_071,
  headersTooLarge: 10_097,
  /** Of updates without a quorum, and of the first form of the code above on older servers. */
  wrongLastSequenceConstant: 10_164,
} as const

/** The code of an error that JetStream has answered; 0 for any other failure. */
export function apiCodeOf(error: unknown): number {
  return error instanceof JetStreamApiError ? error.code : 0
}

export function unavailable(doing: string, cause: unknown): TidingsError {
  if (isTidingsError(cause)) return cause
  const code = apiCodeOf(cause)
  return new TidingsError(
    'TIDINGS_BROKER_UNAVAILABLE',
    code === 0 ? `NATS cannot be reached ${doing}.` : `NATS refuses ${doing}: error ${code}.`,
    { cause, ...(code !== 0 && { details: { code } }) },
  )
}

export function closed(): TidingsError {
  return new TidingsError('TIDINGS_CLOSED', 'The NATS transport is closed.')
}
