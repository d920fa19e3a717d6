import { ClientOfflineError, ErrorReply, SocketClosedUnexpectedlyError } from '@redis/client'
import { TidingsError } from 'tidings/spi'
import { describe, expect, it } from 'vitest'

import { redisError, replyCode } from './redis-errors.ts'

describe('redisError', () => {
  it.each([
    ["OOM command not allowed when used memory > 'maxmemory'.", 'TIDINGS_STORE_FULL'],
    ['LOADING Redis is loading the dataset in memory', 'TIDINGS_STORE_UNAVAILABLE'],
    ["READONLY You can't write against a read only replica.", 'TIDINGS_STORE_UNAVAILABLE'],
    ['BUSY Redis is busy running a script.', 'TIDINGS_STORE_UNAVAILABLE'],
    ['MISCONF Redis is configured to save RDB snapshots', 'TIDINGS_STORE_UNAVAILABLE'],
    ['NOREPLICAS Not enough good replicas to write.', 'TIDINGS_STORE_UNAVAILABLE'],
    ['MOVED 1234 10.0.0.1:6379', 'TIDINGS_STORE_UNAVAILABLE'],
    ['NOAUTH Authentication required.', 'TIDINGS_STORE_UNAVAILABLE'],
    ['NOPERM this user has no permissions', 'TIDINGS_STORE_UNAVAILABLE'],
    ['GONE the store is not the one that was opened', 'TIDINGS_STORE_CORRUPT'],
  ])('tells %s as %s, whether reading or writing', (message, code) => {
    for (const writes of [true, false]) expect(redisError(new ErrorReply(message), 'A commit', writes).code).toBe(code)
  })

  it('knows a full server also where a script says it', () => {
    const error = new ErrorReply("ERR @user_script: OOM command not allowed when used memory > 'maxmemory'.")
    expect(redisError(error, 'A commit', true).code).toBe('TIDINGS_STORE_FULL')
  })

  it('does not know what a script has done that failed in the middle; a reading one changes nothing', () => {
    const error = new ErrorReply('WRONGTYPE Operation against a key holding the wrong kind of value')
    expect(redisError(error, 'A commit', true).code).toBe('TIDINGS_COMMIT_UNKNOWN')
    expect(redisError(error, 'Reading the log', false).code).toBe('TIDINGS_STORE_CORRUPT')
  })

  it('tells what was never sent from what was sent and not answered', () => {
    expect(redisError(new ClientOfflineError(), 'A commit', true).code).toBe('TIDINGS_STORE_UNAVAILABLE')
    expect(redisError(new SocketClosedUnexpectedlyError(), 'A commit', true).code).toBe('TIDINGS_COMMIT_UNKNOWN')
    expect(redisError(new SocketClosedUnexpectedlyError(), 'Reading', false).code).toBe('TIDINGS_STORE_UNAVAILABLE')
    expect(redisError('nonsense', 'A commit', true).code).toBe('TIDINGS_COMMIT_UNKNOWN')
  })

  it('names the step, keeps the cause, and copies none of what the server says', () => {
    const cause = new ErrorReply('WRONGPASS for user ann with password hunter2')
    const error = redisError(cause, 'Opening', false)
    expect(error.cause).toBe(cause)
    expect(error.message).toContain('Opening')
    expect(error.message).not.toContain('hunter2')
    expect(error.details).toEqual({ during: 'Opening', redis: 'WRONGPASS' })
  })

  it('lets coded errors pass', () => {
    const coded = new TidingsError('TIDINGS_CLOSED', 'closed')
    expect(redisError(coded, 'A commit', true)).toBe(coded)
  })
})

describe('replyCode', () => {
  it('is the first word of an error reply, and nothing for anything else', () => {
    expect(replyCode(new ErrorReply('NOSCRIPT No matching script.'))).toBe('NOSCRIPT')
    expect(replyCode(new ErrorReply('-OOM full'))).toBe('OOM')
    expect(replyCode(new Error('NOSCRIPT'))).toBe('')
    expect(replyCode(undefined)).toBe('')
  })
})
