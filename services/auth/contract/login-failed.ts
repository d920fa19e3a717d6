import { defineEvent } from 'tidings'
import { z } from 'zod'

export const LoginFailed = defineEvent('login.failed', {
  description: 'Somebody tried to log in, or to confirm a login by its password, and was refused.',
  schema: z.object({
    /** Which account was tried, as a hash of the address; the address itself may be somebody's slip of the keyboard. */
    account: z.string(),
    /** Null where no account has that address. */
    userId: z.uuid().nullable(),
    reason: z.enum(['unknown-account', 'wrong-password', 'locked']),
    ipAddress: z.string().nullable(),
    userAgent: z.string().nullable(),
  }),
  key: (attempt) => attempt.account,
  // Anybody can bring these about, for any address, and they say where somebody was: they are for those who watch, and need not be there for ever.
  retention: '90d',
  sensitive: { subject: (attempt) => attempt.userId ?? attempt.account, fields: { ipAddress: null, userAgent: null } },
})
