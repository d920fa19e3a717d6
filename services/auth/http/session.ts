import { problemSchema, type ServiceApp, type ServiceWorld } from '@tidings/service'
import { z } from 'zod'

import { endSession } from '../accounts.ts'
import { UserLoggedOut } from '../contract/user-logged-out.ts'
import { notLoggedIn } from '../tokens.ts'
import { whoAsks } from './who.ts'

const me = z.object({ userId: z.uuid(), username: z.string(), profileCreated: z.boolean() })

/** `POST /auth/logout` and `GET /auth/me`: what the owner of a session can do with it. */
export function sessionRoutes(app: ServiceApp, world: ServiceWorld): void {
  const security = [{ session: [] }]

  app.post(
    '/auth/logout',
    {
      schema: { tags: ['auth'], summary: 'End the session', security, response: { 204: z.null(), 401: problemSchema } },
    },
    async (request, reply) => {
      const { userId, sessionId } = await whoAsks(world, request.headers.authorization)
      await world.bus.transaction(async ({ tx, publish }) => {
        if (!(await endSession(tx, sessionId))) throw notLoggedIn()
        await publish(UserLoggedOut, { userId, sessionId }, { userId, sessionId })
      })
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/auth/me',
    { schema: { tags: ['auth'], summary: 'Who is logged in', security, response: { 200: me, 401: problemSchema } } },
    async (request) => {
      const { userId, username, profileCreated } = (await whoAsks(world, request.headers.authorization)).account
      return { userId, username, profileCreated }
    },
  )
}
