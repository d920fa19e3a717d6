import { randomUUID } from 'node:crypto'

import { HttpProblem } from '@tidings/http'
import { problemSchema, type ServiceApp, type ServiceWorld } from '@tidings/service'
import { z } from 'zod'

import { addAccount } from '../accounts.ts'
import { RegistrationBegun } from '../contract/registration-flow.ts'
import { UserRegistered } from '../contract/user-registered.ts'
import { normalEmail, passwordProblem, registration } from '../domain/registration.ts'
import { hashPassword } from '../passwords.ts'

const registered = z.object({ userId: z.uuid(), correlationId: z.string() })

/** `POST /auth/register`: the account and the event that tells of it are one commit, or neither. */
export function registerRoute(app: ServiceApp, { bus, now }: ServiceWorld): void {
  app.post(
    '/auth/register',
    {
      schema: {
        tags: ['auth'],
        summary: 'Make an account',
        body: registration,
        response: { 201: registered, 400: problemSchema, 409: problemSchema },
      },
    },
    async (request, reply) => {
      const { body, correlationId } = request
      const rule = passwordProblem(body)
      if (rule !== undefined) throw invalid('password', rule)
      const userId = randomUUID()
      const email = normalEmail(body.email)
      // Before the transaction, which must not be held while another thread works.
      const password = await hashPassword(body.password)
      await bus.transaction(async ({ tx, publish }) => {
        const taken = await addAccount(tx, { userId, email, username: body.username, password, now: now() })
        if (taken.length > 0) throw conflict(taken)
        await publish(UserRegistered, { userId, email, username: body.username }, { userId })
        await publish(RegistrationBegun, { userId }, { userId })
      })
      return reply.code(201).send({ userId, correlationId })
    },
  )
}

function invalid(field: string, rule: string): HttpProblem {
  return new HttpProblem({ status: 400, title: 'The request is not valid', errors: [{ field, rule }] })
}

function conflict(fields: readonly string[]): HttpProblem {
  return new HttpProblem({
    status: 409,
    title: 'There is such an account already',
    errors: fields.map((field) => ({ field, rule: 'must not be taken by another account' })),
  })
}
