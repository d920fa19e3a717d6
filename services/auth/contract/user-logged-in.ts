import { defineEvent } from 'tidings'
import { z } from 'zod'

export const UserLoggedIn = defineEvent('user.logged-in', {
  description: 'An account was opened with the right password; a session has begun.',
  schema: z.object({
    userId: z.uuid(),
    sessionId: z.uuid(),
    ipAddress: z.string().nullable(),
    userAgent: z.string().nullable(),
  }),
  key: (login) => login.userId,
  sensitive: { subject: (login) => login.userId, fields: { ipAddress: null, userAgent: null } },
})
