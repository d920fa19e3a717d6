import { defineEvent } from 'tidings'
import { z } from 'zod'

// What the saga of a registration says and hears. Sagas remember what they hear, so these carry ids and nothing personal, but for the one name that
// a profile cannot begin without, and that no saga listens to.

const about = { key: ({ userId }: { readonly userId: string }) => userId, category: 'user' } as const

export const RegistrationBegun = defineEvent('user.registration.begun', {
  description: 'An account is made; what belongs to it is under way.',
  schema: z.object({ userId: z.uuid() }),
  ...about,
})

export const ProfileRequested = defineEvent('user.profile.requested', {
  description: 'Somebody who has registered is to have a profile.',
  schema: z.object({ userId: z.uuid(), username: z.string() }),
  ...about,
  sensitive: { subject: ({ userId }) => userId, fields: { username: 'erased' } },
})

export const ProfileWithdrawn = defineEvent('user.profile.withdrawn', {
  description: 'A registration has failed: whatever profile and preferences there are go again.',
  schema: z.object({ userId: z.uuid() }),
  ...about,
})

export const PreferencesRequested = defineEvent('user.preferences.requested', {
  description: 'Somebody who has registered is to have the preferences that everybody begins with.',
  schema: z.object({ userId: z.uuid() }),
  ...about,
})

export const RegistrationCompleted = defineEvent('user.registration.completed', {
  description: 'An account is all it should be. What analytics counts.',
  schema: z.object({ userId: z.uuid(), milliseconds: z.int().nonnegative() }),
  ...about,
  priority: 'low',
})

export const RegistrationFailed = defineEvent('user.registration.failed', {
  description: 'A registration did not come to its end, and is taken back.',
  schema: z.object({ userId: z.uuid() }),
  ...about,
})
