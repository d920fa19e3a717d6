import { problemSchema, type ServiceApp, type ServiceWorld } from '@tidings/service'
import { sql } from 'tidings'
import { z } from 'zod'

import { loginHistory } from '../read-models/login-history.ts'
import { whoAsks } from './who.ts'

const login = z.object({ eventId: z.string(), what: z.string(), happenedAt: z.iso.datetime() })

/** Most that are told, the newest. */
const most = 50

/** `GET /auth/me/logins`: what happened to the account of whoever asks, newest first. From the read model, so a moment behind. */
export function loginsRoute(app: ServiceApp, world: ServiceWorld): void {
  app.get(
    '/auth/me/logins',
    {
      schema: {
        tags: ['auth'],
        summary: 'Logins, refusals and locks of the account that asks',
        security: [{ session: [] }],
        response: { 200: z.object({ logins: z.array(login) }), 401: problemSchema },
      },
    },
    async (request) => {
      const { userId } = await whoAsks(world, request.headers.authorization)
      const { query, tables } = loginHistory.of(world.bus)
      const rows = await query(sql`
        select event_id, what, happened_at from ${tables.auth_login_history}
        where user_id = ${userId} order by happened_at desc, event_id desc limit ${most}`)
      return {
        logins: rows.map((row) => ({
          eventId: row.event_id as string,
          what: row.what as string,
          happenedAt: row.happened_at as string,
        })),
      }
    },
  )
}
