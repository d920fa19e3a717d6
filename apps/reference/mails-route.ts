import { loopbackOnly } from '@tidings/http'
import type { ServiceApp } from '@tidings/service'

import type { ReceivedMail } from './mail-sink.ts'

/** `GET /mails`: what the sink has received, newest first. On this machine only, for mails hold what nobody else may read. */
export function mailsRoute(app: ServiceApp, mails: readonly ReceivedMail[]): void {
  app.get('/mails', { onRequest: loopbackOnly, schema: { hide: true } }, (_request, reply) =>
    reply.header('cache-control', 'no-store').send({ mails: mails.toReversed() }),
  )
}
