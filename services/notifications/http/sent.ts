import { loopbackOnly } from '@tidings/http'
import { problemSchema, type ServiceApp, type ServiceWorld } from '@tidings/service'
import { sql } from 'tidings'
import { z } from 'zod'

const sent = z.object({
  sent: z.array(z.object({ messageId: z.string(), userId: z.uuid(), kind: z.string(), sentAt: z.iso.datetime() })),
})

/** `GET /notifications?userId=…`: what was sent to somebody, newest first. For those who operate, so on this machine only. */
export function sentRoute(app: ServiceApp, { store }: ServiceWorld): void {
  app.get(
    '/notifications',
    {
      onRequest: loopbackOnly,
      schema: {
        tags: ['notifications'],
        summary: 'What was sent to somebody',
        querystring: z.object({ userId: z.uuid('must be a UUID') }),
        response: { 200: sent, 400: problemSchema, 403: problemSchema },
      },
    },
    async ({ query }) => {
      const rows = await store.query(sql`
        select message_id, user_id, kind, sent_at from notifications_sent where user_id = ${query.userId} order by sent_at desc limit 100`)
      return {
        sent: rows.map((row) => ({
          messageId: row.message_id as string,
          userId: row.user_id as string,
          kind: row.kind as string,
          sentAt: new Date(Number(row.sent_at)).toISOString(),
        })),
      }
    },
  )
}
