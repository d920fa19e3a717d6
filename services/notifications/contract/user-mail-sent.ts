import { defineEvent } from 'tidings'
import { z } from 'zod'

const mail = {
  userId: z.uuid(),
  /** As the mail was asked for. */
  flowId: z.string(),
  kind: z.string(),
}

export const UserMailSent = defineEvent('user.mail.sent', {
  description: 'A mail server has taken over a mail that was asked for.',
  schema: z.object({
    ...mail,
    /** The mail's Message-ID, so that it can be found in the logs of mail servers. */
    messageId: z.string(),
  }),
  key: ({ userId }) => userId,
})

export const UserMailRefused = defineEvent('user.mail.refused', {
  description: 'A mail that was asked for will never be sent.',
  schema: z.object({
    ...mail,
    /** `server`: the mail server refuses it for good; `erased`: whom it is for has been forgotten; `unreadable`: what was sealed for it cannot be opened. */
    why: z.enum(['server', 'erased', 'unreadable']),
  }),
  key: ({ userId }) => userId,
})
