import { HttpProblem } from '@tidings/http'
import { problemSchema, type ServiceApp, type ServiceWorld } from '@tidings/service'
import { sql } from 'tidings'
import { z } from 'zod'

const profile = z.object({
  userId: z.uuid(),
  username: z.string(),
  displayName: z.string(),
  createdAt: z.iso.datetime(),
})

/** `GET /users/:userId`: what everybody may know of a user. */
export function profileRoute(app: ServiceApp, { store }: ServiceWorld): void {
  app.get(
    '/users/:userId',
    {
      schema: {
        tags: ['users'],
        summary: 'A profile',
        params: z.object({ userId: z.uuid('must be a UUID') }),
        response: { 200: profile, 400: problemSchema, 404: problemSchema },
      },
    },
    async ({ params }) => {
      const [row] = await store.query(
        sql`select user_id, username, display_name, created_at from users_profiles where user_id = ${params.userId}`,
      )
      if (row === undefined) throw new HttpProblem({ status: 404, title: 'There is no such user' })
      return {
        userId: row.user_id as string,
        username: row.username as string,
        displayName: row.display_name as string,
        createdAt: new Date(Number(row.created_at)).toISOString(),
      }
    },
  )
}
