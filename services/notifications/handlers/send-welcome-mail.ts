import { UserRegistered } from '@tidings-services/auth/contract'
import { type EventBus, sql } from 'tidings'

import { WelcomeEmailSent } from '../contract/welcome-email-sent.ts'
import { welcomeMail } from '../domain/welcome-mail.ts'
import type { Mailer } from '../mailer.ts'

/**
 * Greets whoever registers. The mail is an effect: once the server has taken it, no later attempt sends it again. Only a process that dies
 * between the server's answer and the record of it leads to a second mail, which carries the same Message-ID.
 */
export function sendWelcomeMail(bus: EventBus, mailer: Mailer, now: () => number): void {
  bus.subscribe(
    UserRegistered,
    {
      name: 'notifications.welcome-mail',
      from: 'beginning',
      retry: { tries: 6, backoff: ['1s', '5s', '30s', '120s'] },
    },
    async ({ data }, { effect, write, publish }) => {
      const { userId } = data
      const messageId = await effect('welcome mail', async (key) => {
        const mail = welcomeMail(data, key)
        await mailer.send(mail)
        return mail.messageId
      })
      write(sql`
        insert into notifications_sent (message_id, user_id, kind, sent_at)
        values (${messageId}, ${userId}, ${'welcome'}, ${now()}) on conflict do nothing`)
      await publish(WelcomeEmailSent, { userId, messageId })
    },
  )
}
