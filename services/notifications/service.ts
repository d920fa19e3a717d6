import type { Service } from '@tidings/service'

import { notificationsEvents } from './contract/index.ts'
import { sendWelcomeMail } from './handlers/send-welcome-mail.ts'
import { sentRoute } from './http/sent.ts'
import { type MailerOptions, smtpMailer } from './mailer.ts'
import { migrations } from './migrations.ts'

/** Mails to those who have registered. */
export function notifications(options: MailerOptions): Service {
  return {
    name: 'notifications',
    events: notificationsEvents,
    migrations,
    attach(world) {
      const mailer = smtpMailer(options)
      sendWelcomeMail(world.bus, mailer, world.now)
      return { routes: (app) => sentRoute(app, world), close: () => mailer.close() }
    },
  }
}
