import { defineEvent } from 'tidings'
import { z } from 'zod'

export const UserProfileCreated = defineEvent('user.profile.created', {
  description: 'A profile exists for somebody who has registered.',
  schema: z.object({ userId: z.uuid(), displayName: z.string() }),
  key: (profile) => profile.userId,
  sensitive: { subject: (profile) => profile.userId, fields: { displayName: 'erased' } },
})
