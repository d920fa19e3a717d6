import { isTidingsError, type Outcome, TidingsError } from 'tidings/spi'

import { BrokerError, nameOfError, unavailable } from '../client/broker-error.ts'
import type { OutTopic } from '../topics/topics.ts'

/** What becomes of events whose topic could not be opened: those whose category makes no topic never will be. */
export function unopened(error: Error = unavailable('while a topic was looked for', undefined)): Outcome {
  return { status: isTidingsError(error, 'TIDINGS_INVALID_EVENT') ? 'refused' : 'unknown', error }
}

export function tooLarge({ name, rules: { maxBytes } }: OutTopic): TidingsError {
  return new TidingsError(
    'TIDINGS_TOO_LARGE',
    `The event is larger than topic ${name} takes, ${maxBytes} bytes with everything around it.`,
    { details: { topic: name, limit: maxBytes } },
  )
}

export function refused(error: number, message: string | null): TidingsError {
  return new TidingsError(
    'TIDINGS_UNIT_REFUSED',
    `Kafka refuses the event: ${message?.slice(0, 200) ?? nameOfError(error)}`,
    { cause: new BrokerError(error, 'an event'), details: { error: nameOfError(error) } },
  )
}

/** @param limit Bytes that may wait for brokers. */
export function overloaded(limit: number): TidingsError {
  return new TidingsError('TIDINGS_OVERLOADED', 'Too much waits for Kafka already; publish it again later.', {
    details: { limit },
  })
}
