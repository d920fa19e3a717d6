import { ClientClosedError, ClientOfflineError, ErrorReply } from '@redis/client'
import { isTidingsError, TidingsError } from 'tidings/spi'

/** Replies that say: not now. Nothing was done. */
const notNow: readonly string[] = [
  'AFTER',
  'BUSY',
  'CLUSTERDOWN',
  'LOADING',
  'MASTERDOWN',
  'MISCONF',
  'MOVED',
  'NOREPLICAS',
  'READONLY',
  'TRYAGAIN',
]

const notAllowed: readonly string[] = ['DENIED', 'NOAUTH', 'NOPERM', 'WRONGPASS']

/** The first word of an error reply, which is what Redis means by a code; empty for other errors. */
export function replyCode(error: unknown): string {
  if (!(error instanceof ErrorReply)) return ''
  return /^-?([A-Z]+)\b/.exec(error.message)?.[1] ?? ''
}

/** What a failure means to callers. `writes`: whether something may have been changed where no answer came. Coded errors pass. */
export function redisError(error: unknown, during: string, writes: boolean): TidingsError {
  if (isTidingsError(error)) return error
  const code = replyCode(error)
  const details = { during, ...(code !== '' && { redis: code }) }
  const options = { cause: error, details }
  // A script names the code of the command that failed inside it.
  if (code === 'OOM' || /\bOOM command not allowed\b/.test(messageOf(error))) {
    return new TidingsError(
      'TIDINGS_STORE_FULL',
      `${during} failed: Redis has reached its maxmemory. Nothing was written; it works again once there is space.`,
      options,
    )
  }
  if (code === 'GONE') {
    return new TidingsError(
      'TIDINGS_STORE_CORRUPT',
      `${during} failed: the store was wiped or replaced while it was open. Close it and open it again.`,
      options,
    )
  }
  if (notNow.includes(code) || notAllowed.includes(code))
    return new TidingsError(
      'TIDINGS_STORE_UNAVAILABLE',
      `${during} failed: Redis answers ${code}. ${advice[code] ?? ''}`.trim(),
      options,
    )
  if (code !== '') {
    return writes
      ? unknown(`${during} failed in the middle: Redis answers ${code}.`, options)
      : new TidingsError(
          'TIDINGS_STORE_CORRUPT',
          `${during} failed: Redis answers ${code}; its keys are not what the store made them.`,
          options,
        )
  }
  if (!writes || error instanceof ClientOfflineError || error instanceof ClientClosedError)
    return new TidingsError('TIDINGS_STORE_UNAVAILABLE', `${during} failed: there is no connection to Redis.`, options)
  return unknown(`${during} was sent, and the connection to Redis was lost before the answer came.`, options)
}

/** What reading and writing end with where another store lies under the same keys, or none. */
export function storeGone(during: string): TidingsError {
  return redisError(new ErrorReply('GONE the store is not the one that was opened'), during, false)
}

/** Whether an error says that the store that was opened is no more. */
export function isGone(error: unknown): boolean {
  return isTidingsError(error, 'TIDINGS_STORE_CORRUPT') && error.details['redis'] === 'GONE'
}

const advice: Readonly<Record<string, string>> = {
  BUSY: 'Somebody runs a script that does not end.',
  LOADING: 'It is reading its data from disk.',
  MISCONF: 'It cannot write to its disk.',
  MOVED: 'The URL must name the node of the cluster that owns the store.',
  NOREPLICAS: 'Too few replicas are there (min-replicas-to-write).',
  READONLY: 'It is a replica; the URL must name the primary.',
}

function unknown(
  because: string,
  options: { cause: unknown; details: Readonly<Record<string, unknown>> },
): TidingsError {
  return new TidingsError(
    'TIDINGS_COMMIT_UNKNOWN',
    `${because} What was sent may stand: repeat it with the same ids.`,
    options,
  )
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : ''
}
