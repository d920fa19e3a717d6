import { SealedText } from '@tidings-services/notifications/contract'
import { defineEvent } from 'tidings'
import { z } from 'zod'

export const mailKinds = [
  'welcome',
  'registration-failed',
  'password-reset',
  'password-changed',
  'farewell',
  'export-ready',
  'export-partial',
] as const

export type MailKind = (typeof mailKinds)[number]

export const UserMailRequested = defineEvent('user.mail.requested', {
  description: 'Somebody is to have a mail. To which address, the service that sends it knows.',
  schema: z.object({
    userId: z.uuid(),
    /** The flow that asks for it; the answer repeats it. */
    flowId: z.string(),
    kind: z.enum(mailKinds),
    /** What only the recipient may read, sealed for the service that sends the mail. */
    sealed: SealedText.optional(),
  }),
  key: ({ userId }) => userId,
  category: 'user',
  priority: 'high',
})
