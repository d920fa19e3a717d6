import { randomUUID } from 'node:crypto'

import { HttpProblem } from '@tidings/http'
import { problemSchema, type ServiceApp, type ServiceWorld } from '@tidings/service'
import { sql } from 'tidings'
import { z } from 'zod'

import { endSessions, holdAccount } from '../accounts.ts'
import { UserDeletionRequested } from '../contract/user-deletion.ts'
import { notLoggedIn } from '../tokens.ts'
import { confirmPassword } from './confirm-password.ts'
import { whoAsks } from './who.ts'

const body = z.object({
  password: z.string('must be text').min(1, 'must not be empty').max(200, 'must have at most 200 characters'),
})
const accepted = z.object({ deletionId: z.uuid(), correlationId: z.string() })
const report = z.object({
  deletionId: z.uuid(),
  status: z.enum(['farewell', 'erasing', 'stuck', 'completed']),
  beganAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  /** What became of the last mail; null while it is on its way. */
  farewell: z.string().nullable(),
  /** How often services were asked. */
  asked: z.int(),
  erased: z.array(z.object({ service: z.string(), at: z.iso.datetime(), rows: z.record(z.string(), z.int()) })),
})

/**
 * `DELETE /auth/me` forgets whoever asks, once the password has been given again; `GET /auth/deletions/:deletionId` reports. Who holds the id may read the
 * report, for there is no login any more; it says nothing of the person.
 */
export function deletionRoutes(app: ServiceApp, world: ServiceWorld): void {
  const { bus, store, now } = world

  app.delete(
    '/auth/me',
    {
      schema: {
        tags: ['auth'],
        summary: 'Be forgotten, in every service',
        security: [{ session: [] }],
        body,
        response: { 202: accepted, 400: problemSchema, 401: problemSchema, 403: problemSchema, 423: problemSchema },
      },
    },
    async (request, reply) => {
      const { userId, account } = await whoAsks(world, request.headers.authorization)
      await confirmPassword(world, account, request.body.password, request)
      const deletionId = randomUUID()
      await bus.transaction(async ({ tx, publish }) => {
        // While the password was checked it may have been replaced, and the session that asks ended with it.
        if (!(await holdAccount(tx, account))) throw notLoggedIn()
        await tx.sql`update auth_users set state = 'deleting' where user_id = ${userId}`
        await endSessions(tx, userId)
        await tx.sql`delete from auth_password_resets where user_id = ${userId}`
        await tx.sql`
          insert into auth_deletions (deletion_id, status, began_at) values (${deletionId}, 'farewell', ${now()})`
        await publish(UserDeletionRequested, { deletionId, userId }, { userId })
      })
      return reply.code(202).send({ deletionId, correlationId: request.correlationId })
    },
  )

  app.get(
    '/auth/deletions/:deletionId',
    {
      schema: {
        tags: ['auth'],
        summary: 'What was erased where',
        params: z.object({ deletionId: z.uuid('must be a UUID') }),
        response: { 200: report, 400: problemSchema, 404: problemSchema },
      },
    },
    async ({ params: { deletionId } }) => {
      const [row] = await store.query(sql`
        select status, farewell, asked, began_at, ended_at from auth_deletions where deletion_id = ${deletionId}`)
      if (row === undefined) throw new HttpProblem({ status: 404, title: 'There is no such deletion' })
      const erased = await store.query(sql`
        select service, erased_rows, erased_at from auth_erasures where deletion_id = ${deletionId} order by erased_at, service`)
      return {
        deletionId,
        status: row.status as z.infer<typeof report>['status'],
        beganAt: new Date(Number(row.began_at)).toISOString(),
        endedAt: row.ended_at === null ? null : new Date(Number(row.ended_at)).toISOString(),
        farewell: row.farewell as string | null,
        asked: Number(row.asked),
        erased: erased.map((one) => ({
          service: one.service as string,
          at: new Date(Number(one.erased_at)).toISOString(),
          rows: JSON.parse(one.erased_rows as string) as Record<string, number>,
        })),
      }
    },
  )
}
