import { isTidingsError, TidingsError } from 'tidings/spi'

/** What RabbitMQ or the socket calls a failure: `ACCESS_REFUSED`, `ECONNREFUSED`; `unknown` where it has no name. */
export function reasonOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : 'unknown'
}

/** Refusals that no waiting mends, and what to look at. */
const forGood: ReadonlyMap<string, string> = new Map([
  ['ACCESS_REFUSED', 'look at the user, the password, and what the user may do in the virtual host'],
  ['NOT_ALLOWED', 'look at the virtual host: it must exist, and the user must be let in'],
  ['PRECONDITION_FAILED', 'an exchange or a queue of that name exists already and was made in another way'],
  ['VERSION_MISMATCH', 'what listens there does not speak AMQP 0-9-1'],
])

export function isForGood(error: unknown): boolean {
  return forGood.has(reasonOf(error))
}

/** `doing` continues "RabbitMQ". Never repeats what the broker wrote: names in it are the user's. */
export function brokerError(doing: string, cause: unknown): TidingsError {
  if (isTidingsError(cause)) return cause
  const reason = reasonOf(cause)
  const advice = forGood.get(reason)
  return advice === undefined
    ? new TidingsError('TIDINGS_BROKER_UNAVAILABLE', `RabbitMQ cannot be reached to ${doing} (${reason}).`, {
        cause,
        details: { reason },
      })
    : new TidingsError('TIDINGS_INVALID_OPTION', `RabbitMQ refuses to ${doing} (${reason}): ${advice}.`, {
        cause,
        details: { field: 'rabbitmq', reason },
      })
}

export function closedError(): TidingsError {
  return new TidingsError('TIDINGS_CLOSED', 'The RabbitMQ transport is closed.')
}
