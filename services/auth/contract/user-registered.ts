import { defineEvent } from 'tidings'
import { z } from 'zod'

export const UserRegistered = defineEvent('user.registered', {
  description: 'Somebody has made an account.',
  version: '1.0.0',
  schema: z.object({ userId: z.uuid(), email: z.email(), username: z.string() }),
  key: (user) => user.userId,
  priority: 'high',
  sensitive: {
    subject: (user) => user.userId,
    fields: { email: 'erased@example.invalid', username: 'erased' },
  },
})
