import type { Service } from '@tidings/service'
import { answersAboutUsers } from '@tidings-services/auth/contract'

import { notificationsEvents } from './contract/index.ts'
import { forgetUser } from './handlers/forget-user.ts'
import { sendMail } from './handlers/send-mail.ts'
import { tellData } from './handlers/tell-data.ts'
import { tellSealingKey } from './handlers/tell-sealing-key.ts'
import { sentRoute } from './http/sent.ts'
import { type MailerOptions, smtpMailer } from './mailer.ts'
import { migrations } from './migrations.ts'
import { ensureSealingKey } from './sealing-keys.ts'

/** Mails to those who have registered. The only service that knows their addresses beside auth. */
export function notifications(options: MailerOptions): Service {
  return {
    name: 'notifications',
    events: [...notificationsEvents, ...answersAboutUsers],
    migrations,
    async attach(world) {
      const { bus, store, now } = world
      await ensureSealingKey(bus, now)
      const mailer = smtpMailer(options)
      tellSealingKey(bus, store)
      sendMail(bus, store, mailer, now)
      forgetUser(bus, now)
      tellData(bus, store)
      return { routes: (app) => sentRoute(app, world), close: () => mailer.close() }
    },
  }
}
