import { defineEvent } from 'tidings'
import { z } from 'zod'

const about = { key: ({ resetId }: { readonly resetId: string }) => resetId, category: 'password-reset' } as const
const reset = { resetId: z.uuid(), userId: z.uuid() }

export const PasswordResetRequested = defineEvent('password-reset.requested', {
  description: 'Somebody says to have forgotten a password.',
  schema: z.object({
    resetId: z.uuid(),
    /** Null where no account has the address that was given. */
    userId: z.uuid().nullable(),
  }),
  ...about,
})

export const PasswordResetConfirmed = defineEvent('password-reset.confirmed', {
  description: 'The code of the mail was used: the password is another, and all sessions are ended.',
  schema: z.object(reset),
  ...about,
  priority: 'high',
})

export const PasswordResetExpired = defineEvent('password-reset.expired', {
  description: 'The code of the mail was not used in time, and opens nothing any more.',
  schema: z.object(reset),
  ...about,
})
