import { HttpProblem } from '@tidings/http'
import { problemSchema, type ServiceApp, type ServiceWorld } from '@tidings/service'
import { sql } from 'tidings'
import { z } from 'zod'

const time = z.iso.datetime().nullable()
const progress = z.object({
  userId: z.uuid(),
  status: z.enum(['registering', 'completed', 'failed']),
  beganAt: z.iso.datetime(),
  endedAt: time,
  /** When each came about; null for what has not. */
  steps: z.object({ profile: time, preferences: time, welcomeMail: time }),
})

/** `GET /auth/registrations/:userId`: how far a registration has come. Tells nothing of the person, and so asks for no login. */
export function registrationRoute(app: ServiceApp, { store }: ServiceWorld): void {
  app.get(
    '/auth/registrations/:userId',
    {
      schema: {
        tags: ['auth'],
        summary: 'How far a registration has come',
        params: z.object({ userId: z.uuid('must be a UUID') }),
        response: { 200: progress, 400: problemSchema, 404: problemSchema },
      },
    },
    async ({ params: { userId } }) => {
      const [row] = await store.query(sql`
        select status, began_at, profile_at, preferences_at, mail_at, ended_at from auth_registrations where user_id = ${userId}`)
      if (row === undefined) throw new HttpProblem({ status: 404, title: 'There is no such registration' })
      return {
        userId,
        status: row.status as z.infer<typeof progress>['status'],
        beganAt: new Date(Number(row.began_at)).toISOString(),
        endedAt: timeOf(row.ended_at),
        steps: {
          profile: timeOf(row.profile_at),
          preferences: timeOf(row.preferences_at),
          welcomeMail: timeOf(row.mail_at),
        },
      }
    },
  )
}

function timeOf(value: unknown): string | null {
  return value === null ? null : new Date(Number(value)).toISOString()
}
