import { loopbackOnly } from '@tidings/http'
import { problemSchema, type ServiceApp, type ServiceWorld } from '@tidings/service'
import { sql } from 'tidings'
import { z } from 'zod'

import { directory } from '../read-models/directory.ts'

const found = z.object({ userId: z.uuid(), username: z.string() })
const name = z.string().min(1, 'must not be empty').max(100, 'must have at most 100 characters')

/** `GET /users`: who is here, by name. From the read model, so a moment behind. For other services and gateways of this machine. */
export function directoryRoute(app: ServiceApp, { bus }: ServiceWorld): void {
  app.get(
    '/users',
    {
      onRequest: loopbackOnly,
      schema: {
        tags: ['users'],
        summary: 'Find users by the beginning of their name',
        querystring: z.object({
          search: name.optional(),
          after: name.optional().describe('The last name of the page before'),
          limit: z.coerce
            .number('must be a number')
            .int('must be a whole number')
            .min(1, 'must be at least 1')
            .max(200, 'must be at most 200')
            .default(50),
        }),
        response: { 200: z.object({ users: z.array(found) }), 400: problemSchema, 403: problemSchema },
      },
    },
    async ({ query: { search = '', after = '', limit } }) => {
      const { query, tables } = directory.of(bus)
      const pattern = `${search.toLowerCase().replace(/[!%_]/g, '!$&')}%`
      const rows = await query(sql`
        select user_id, username from ${tables.users_directory}
        where listed = 1 and username is not null and name like ${pattern} escape '!' and name > ${after.toLowerCase()}
        order by name limit ${limit}`)
      return { users: rows.map((row) => ({ userId: row.user_id as string, username: row.username as string })) }
    },
  )
}
