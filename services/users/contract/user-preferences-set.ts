import { defineEvent } from 'tidings'
import { z } from 'zod'

export const UserPreferencesSet = defineEvent('user.preferences.set', {
  description: 'Somebody has preferences: those that everybody begins with, or others.',
  schema: z.object({ userId: z.uuid(), defaults: z.boolean() }),
  key: ({ userId }) => userId,
})
