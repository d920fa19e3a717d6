import { defineEvent } from 'tidings'
import { z } from 'zod'

export const UserLoggedOut = defineEvent('user.logged-out', {
  description: 'A session was ended by its owner.',
  schema: z.object({ userId: z.uuid(), sessionId: z.uuid() }),
  key: (logout) => logout.userId,
})
