import { defineEvent } from 'tidings'
import { z } from 'zod'

export const AccountLocked = defineEvent('account.locked', {
  description: 'Too many logins failed within a short time; the account refuses all until the lock ends.',
  schema: z.object({ userId: z.uuid(), failures: z.int().positive(), lockedUntil: z.iso.datetime() }),
  category: 'user',
  key: (lock) => lock.userId,
  priority: 'critical',
})
