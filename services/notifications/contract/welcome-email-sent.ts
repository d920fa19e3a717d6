import { defineEvent } from 'tidings'
import { z } from 'zod'

export const WelcomeEmailSent = defineEvent('welcome-email.sent', {
  description: 'A mail server has taken over the welcome mail for somebody who has registered.',
  schema: z.object({
    userId: z.uuid(),
    /** The mail's Message-ID, so that it can be found in the logs of mail servers. */
    messageId: z.string(),
  }),
  key: (mail) => mail.userId,
  priority: 'low',
})
