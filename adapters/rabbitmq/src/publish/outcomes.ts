import { type Outcome, TidingsError } from 'tidings/spi'

export const stored: Outcome = Object.freeze({ status: 'stored' })

/** `why` is a sentence without its full stop. */
export function unknown(why: string, cause?: unknown): Outcome {
  return { status: 'unknown', error: new TidingsError('TIDINGS_BROKER_UNAVAILABLE', `${why}.`, { cause }) }
}

export function refused(error: Error): Outcome {
  return { status: 'refused', error }
}

export function topicTooLong(): TidingsError {
  return new TidingsError(
    'TIDINGS_INVALID_EVENT',
    'The `category` of an event must not be longer than 250 bytes on RabbitMQ.',
    {
      details: { field: 'category', limit: 250 },
    },
  )
}
