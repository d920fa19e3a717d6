import { loopbackOnly } from '@tidings/http'
import { problemSchema, type ServiceApp, type ServiceWorld } from '@tidings/service'
import { type Statement, sql } from 'tidings'
import { z } from 'zod'

import { directory } from '../read-models/directory.ts'

const found = z.object({ userId: z.uuid(), username: z.string() })
/** `next` is there where there may be more. */
const page = z.object({ users: z.array(found), next: z.string().optional() })
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
          after: z
            .string()
            .min(1, 'must not be empty')
            .max(200, 'must have at most 200 characters')
            .optional()
            .describe('The `next` of the page before; or a name, to begin behind all who have it'),
          limit: z.coerce
            .number('must be a number')
            .int('must be a whole number')
            .min(1, 'must be at least 1')
            .max(200, 'must be at most 200')
            .default(50),
        }),
        response: { 200: page, 400: problemSchema, 403: problemSchema },
      },
    },
    async ({ query: { search = '', after = '', limit } }) => {
      const { query, tables } = directory.of(bus)
      const pattern = `${search.toLowerCase().replace(/[!%_]/g, '!$&')}%`
      const rows = await query(sql`
        select user_id, username, name from ${tables.users_directory}
        where listed = 1 and username is not null and name like ${pattern} escape '!' and ${behind(after.toLowerCase())}
        order by name, user_id limit ${limit}`)
      const users = rows.map((row) => ({ userId: row.user_id as string, username: row.username as string }))
      const last = rows.length === limit ? rows.at(-1) : undefined
      return last === undefined ? { users } : { users, next: `${last.name as string} ${last.user_id as string}` }
    },
  )
}

/** What comes behind a place. Of several who have one name each is a place of its own, said by name and id, so that no page skips them. */
function behind(after: string): Statement {
  const [, name, userId] = /^(.*) ([0-9a-f-]{36})$/s.exec(after) ?? []
  return name === undefined || userId === undefined ? sql`name > ${after}` : sql`(name, user_id) > (${name}, ${userId})`
}
