import { randomUUID } from 'node:crypto'

import { HttpProblem } from '@tidings/http'
import { problemSchema, type ServiceApp, type ServiceWorld } from '@tidings/service'
import { sql } from 'tidings'
import { z } from 'zod'

import { accountByEmail, accountById, endSessions, forgetFailures } from '../accounts.ts'
import { PasswordResetConfirmed, PasswordResetRequested } from '../contract/password-reset.ts'
import { normalEmail, passwordProblem, registration } from '../domain/registration.ts'
import { hashPassword } from '../passwords.ts'
import { accountOf, hashToken } from '../tokens.ts'
import { countReset } from './reset-limit.ts'

const asked = z.object({ correlationId: z.string() })
const confirmed = z.object({
  code: z.string('must be text').regex(/^[A-Za-z0-9_-]{43}$/, 'must be the code of the mail, 43 characters'),
  password: registration.shape.password,
})

/**
 * `POST /auth/password-reset` and `/auth/password-reset/confirm`. The first answers alike, and does the same work, whether an account has the address or not:
 * one look, one commit; all else happens later. The second refuses codes that are wrong, used or late alike.
 */
export function passwordResetRoutes(app: ServiceApp, { bus, store, now }: ServiceWorld): void {
  app.post(
    '/auth/password-reset',
    {
      schema: {
        tags: ['auth'],
        summary: 'Ask for a code that lets one choose another password',
        body: registration.pick({ email: true }),
        response: { 202: asked, 400: problemSchema, 429: problemSchema },
      },
    },
    async ({ body, correlationId }, reply) => {
      const email = normalEmail(body.email)
      const user = await accountByEmail(store, email)
      await bus.transaction(async ({ tx, publish }) => {
        const waits = await countReset(tx, accountOf(email), now())
        if (waits > 0)
          throw new HttpProblem({
            status: 429,
            title: 'Too many codes were asked for',
            detail: 'For one address, a few an hour are sent. Look among your mails, or ask again later.',
            headers: { 'retry-after': String(Math.ceil(waits / 1_000)) },
          })
        await publish(PasswordResetRequested, { resetId: randomUUID(), userId: user?.userId ?? null })
      })
      return reply.code(202).send({ correlationId })
    },
  )

  app.post(
    '/auth/password-reset/confirm',
    {
      schema: {
        tags: ['auth'],
        summary: 'Choose another password, by the code of the mail',
        body: confirmed,
        response: { 204: z.null(), 400: problemSchema, 410: problemSchema },
      },
    },
    async ({ body: { code, password } }, reply) => {
      // Looked for by its hash: what the store's comparison gives away of that leads to no code.
      const codeHash = hashToken(code)
      const [row] = await store.query(sql`
        select user_id from auth_password_resets where code_hash = ${codeHash} and ends_at > ${now()}`)
      const account = row === undefined ? undefined : await accountById(store, row.user_id as string)
      if (account === undefined) throw noLonger()
      const rule = passwordProblem({ email: account.email, username: account.username, password })
      if (rule !== undefined)
        throw new HttpProblem({ status: 400, title: 'The request is not valid', errors: [{ field: 'password', rule }] })
      const phc = await hashPassword(password)
      const { userId } = account
      await bus.transaction(async ({ tx, publish }) => {
        // The account is written first, as by all that hold one, so that none of them waits for another that waits for it.
        const [changed] = await tx.sql`
          update auth_users set password = ${phc}
          where user_id = ${userId} and state in ('registering', 'active') returning user_id`
        // Of two that use a code at the same time, one did.
        const [used] = await tx.sql`
          delete from auth_password_resets where code_hash = ${codeHash} and ends_at > ${now()} returning reset_id`
        if (used === undefined || changed === undefined) throw noLonger()
        await endSessions(tx, userId)
        await forgetFailures(tx, accountOf(account.email))
        await publish(PasswordResetConfirmed, { resetId: used.reset_id as string, userId }, { userId })
      })
      return reply.code(204).send(null)
    },
  )
}

function noLonger(): HttpProblem {
  return new HttpProblem({
    status: 410,
    title: 'This code opens nothing',
    detail: 'It was used already, or it is too old, or it never was one. Ask for another.',
  })
}
