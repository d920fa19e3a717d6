import { statusPage } from '@tidings/http'
import { type BaseConfig, baseConfig, type RunningServices, runServices, serviceConfig } from '@tidings/service'
import { audit } from '@tidings-services/audit'
import { authWith } from '@tidings-services/auth'
import { type AuthConfig, authConfig, authOptionsOf } from '@tidings-services/auth/auth-config'
import { commerce } from '@tidings-services/commerce'
import { notifications } from '@tidings-services/notifications'
import { type MailConfig, mailConfig, smtpUrl } from '@tidings-services/notifications/mail-config'
import { users } from '@tidings-services/users'
import type { EventBus } from 'tidings'

import { openMailSink } from './mail-sink.ts'
import { mailsRoute } from './mails-route.ts'

export interface PlatformConfig extends BaseConfig, AuthConfig, MailConfig {
  /** A mail server; without one, mails go to a sink in this process. */
  readonly SMTP_URL?: string | undefined
}

/** Reads the platform's configuration. Throws with every mistake at once. */
export function platformConfig(env: Readonly<Record<string, string | undefined>>): PlatformConfig {
  const shape = { ...baseConfig, ...authConfig, ...mailConfig, SMTP_URL: smtpUrl.optional() }
  return serviceConfig(shape, env, { beside: 'sqlite:./tidings.db' })
}

/** A request to copy. */
export function firstRequest(address: string): string {
  const body = JSON.stringify({ email: 'ada@example.com', username: 'ada', password: 'analytical engine' })
  return `curl -s ${address}/auth/register -H 'content-type: application/json' -d '${body}'`
}

/** All services in this process, with a status page, and a mail sink unless a mail server is named. */
export async function runPlatform(config: PlatformConfig): Promise<RunningServices> {
  const sink = config.SMTP_URL === undefined ? await openMailSink() : undefined
  const services = [
    authWith(authOptionsOf(config, `http://${config.HOST}:${config.PORT}`)),
    users,
    notifications({ url: config.SMTP_URL ?? (sink?.url as string), from: config.MAIL_FROM }),
    commerce,
    audit,
  ]
  return runServices(services, {
    config,
    title: 'Tidings reference platform',
    async prepare({ app, buses }) {
      if (sink !== undefined) mailsRoute(app, sink.mails)
      await app.register(statusPage, {
        buses: [...buses.values()] as [EventBus, ...EventBus[]],
        events: services.flatMap(({ events }) => events),
        title: 'Tidings',
        empty: {
          text: 'No event yet. Register somebody, and watch what follows:',
          command: firstRequest('{origin}'),
        },
        panels:
          sink === undefined
            ? []
            : [
                {
                  title: 'Mails',
                  columns: ['Received', 'To', 'Subject', 'Message-ID'],
                  rows: () =>
                    sink.mails
                      .toReversed()
                      .map(({ at, to, subject, messageId }) => [at, to.join(', '), subject, messageId]),
                  empty: 'No mail since the start. Whoever registers gets one.',
                },
              ],
      })
    },
    after: () => sink?.close(),
  })
}
