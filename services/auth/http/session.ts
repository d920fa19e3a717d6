import { problemSchema, type ServiceApp, type ServiceWorld } from '@tidings/service'
import { z } from 'zod'

import { accountById, endSession, sessionOf } from '../accounts.ts'
import { UserLoggedOut } from '../contract/user-logged-out.ts'
import { bearerOf, hashToken, notLoggedIn } from '../tokens.ts'

const me = z.object({ userId: z.uuid(), username: z.string(), profileCreated: z.boolean() })

/** `POST /auth/logout` and `GET /auth/me`: what the owner of a session can do with it. */
export function sessionRoutes(app: ServiceApp, { bus, store, now }: ServiceWorld): void {
  const security = [{ session: [] }]

  app.post(
    '/auth/logout',
    {
      schema: { tags: ['auth'], summary: 'End the session', security, response: { 204: z.null(), 401: problemSchema } },
    },
    async (request, reply) => {
      const session = await sessionOf(store, hashToken(bearerOf(request.headers.authorization)), now())
      if (session === undefined) throw notLoggedIn()
      const { userId, sessionId } = session
      await bus.transaction(async ({ tx, publish }) => {
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
      const session = await sessionOf(store, hashToken(bearerOf(request.headers.authorization)), now())
      const account = session === undefined ? undefined : await accountById(store, session.userId)
      if (account === undefined) throw notLoggedIn()
      const { userId, username, profileCreated } = account
      return { userId, username, profileCreated }
    },
  )
}
