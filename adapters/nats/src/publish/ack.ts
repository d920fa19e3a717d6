import { type Outcome, TidingsError } from 'tidings/spi'

import { apiCode } from '../connection/nats-errors.ts'

const stored: Outcome = Object.freeze({ status: 'stored' })

/** What the answer of a stream says about an event. */
export function outcomeOf(body: Uint8Array): Outcome {
  let answer: { seq?: unknown; error?: { err_code?: unknown } } | null
  try {
    answer = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString()) as typeof answer
  } catch {
    answer = null
  }
  if (answer?.error === undefined) {
    return typeof answer?.seq === 'number' ? stored : unknown('NATS has given an answer that is no acknowledgement.')
  }
  const code = Number(answer.error.err_code)
  if (code === apiCode.messageTooLarge || code === apiCode.headersTooLarge) {
    const error = new TidingsError('TIDINGS_TOO_LARGE', 'The event is larger than the stream takes.', {
      details: { code },
    })
    return { status: 'refused', error }
  }
  return unknown(`The stream does not store the event now: error ${code}.`, { code })
}

export function unknown(message: string, details: Readonly<Record<string, unknown>> = {}): Outcome {
  return { status: 'unknown', error: new TidingsError('TIDINGS_BROKER_UNAVAILABLE', message, { details }) }
}
