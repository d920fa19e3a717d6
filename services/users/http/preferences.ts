import { HttpProblem, loopbackOnly } from '@tidings/http'
import { problemSchema, type ServiceApp, type ServiceWorld } from '@tidings/service'
import { sql } from 'tidings'
import { z } from 'zod'

import { UserPreferencesSet } from '../contract/user-preferences-set.ts'
import { type Preferences, preferences } from '../domain/preferences.ts'

const params = z.object({ userId: z.uuid('must be a UUID') })
const answers = { 200: preferences, 400: problemSchema, 403: problemSchema, 404: problemSchema }

/**
 * `GET` and `PUT /users/:userId/preferences`. Sessions are known to auth alone, so these answer on this machine only: to a gateway that has asked auth who
 * is there.
 */
export function preferencesRoutes(app: ServiceApp, { bus, store, now }: ServiceWorld): void {
  app.get(
    '/users/:userId/preferences',
    {
      onRequest: loopbackOnly,
      schema: { tags: ['users'], summary: 'What somebody likes', params, response: answers },
    },
    async ({ params: { userId } }): Promise<Preferences> => {
      const [row] = await store.query(
        sql`select language, theme, newsletter from users_preferences where user_id = ${userId}`,
      )
      if (row === undefined) throw unknownUser()
      return {
        language: row.language as string,
        theme: row.theme as Preferences['theme'],
        newsletter: Number(row.newsletter) === 1,
      }
    },
  )

  app.put(
    '/users/:userId/preferences',
    {
      onRequest: loopbackOnly,
      schema: { tags: ['users'], summary: 'Change what somebody likes', params, body: preferences, response: answers },
    },
    async ({ params: { userId }, body }): Promise<Preferences> => {
      const { language, theme, newsletter } = body
      await bus.transaction(async ({ tx, publish }) => {
        const [changed] = await tx.sql`
          update users_preferences set language = ${language}, theme = ${theme}, newsletter = ${newsletter ? 1 : 0}, changed_at = ${now()}
          where user_id = ${userId} returning user_id`
        if (changed === undefined) throw unknownUser()
        await publish(UserPreferencesSet, { userId, defaults: false }, { userId })
      })
      return body
    },
  )
}

function unknownUser(): HttpProblem {
  return new HttpProblem({ status: 404, title: 'There is no such user' })
}
