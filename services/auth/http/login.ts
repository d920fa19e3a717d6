import { randomUUID } from 'node:crypto'

import { HttpProblem } from '@tidings/http'
import { problemSchema, type ServiceApp, type ServiceWorld } from '@tidings/service'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'

import {
  type Account,
  accountByEmail,
  accountById,
  addFailure,
  addSession,
  failuresOf,
  forgetFailures,
  holdAccount,
} from '../accounts.ts'
import { AccountLocked } from '../contract/account-locked.ts'
import { LoginFailed } from '../contract/login-failed.ts'
import { UserLoggedIn } from '../contract/user-logged-in.ts'
import { lockedUntil, lockoutRule } from '../domain/lockout.ts'
import { normalEmail } from '../domain/registration.ts'
import { checkPassword } from '../passwords.ts'
import { accountOf, hashToken, makeToken } from '../tokens.ts'

/** How long a session lasts, in milliseconds. */
const sessionLasts = 24 * 3_600_000
/** Failures older than this decide nothing any more. In milliseconds. */
export const failuresMatter = lockoutRule.within + lockoutRule.lasts

const credentials = z.object({
  email: z.email('must be an e-mail address').max(254, 'must have at most 254 characters'),
  password: z.string('must be text').min(1, 'must not be empty').max(200, 'must have at most 200 characters'),
})
const loggedIn = z.object({ token: z.string(), userId: z.uuid(), endsAt: z.iso.datetime(), correlationId: z.string() })

type Reason = 'unknown-account' | 'wrong-password' | 'locked'

/** One attempt to log in, or to confirm a login by the password. */
export interface Try {
  /** Hash of the address. */
  readonly account: string
  readonly user: Account | undefined
  readonly from: { readonly ipAddress: string | null; readonly userAgent: string | null }
}

/** `POST /auth/login`: a session, or a failure that counts towards the lock. Every outcome is an event. */
export function loginRoute(app: ServiceApp, world: ServiceWorld): void {
  app.post(
    '/auth/login',
    {
      schema: {
        tags: ['auth'],
        summary: 'Begin a session',
        body: credentials,
        response: { 200: loggedIn, 400: problemSchema, 401: problemSchema, 423: problemSchema },
      },
    },
    async (request) => {
      const email = normalEmail(request.body.email)
      const account = accountOf(email)
      const user = await accountByEmail(world.store, email)
      const attempt: Try = { account, user, from: whereFrom(request) }
      const locked = lockedUntil(await failuresOf(world.store, account, world.now() - failuresMatter), world.now())
      if (locked !== undefined) throw await refuseLocked(world, attempt, locked)
      const right = await checkPassword(request.body.password, user?.password)
      if (user === undefined || !right) throw await refuseWrong(world, attempt)
      return { ...(await begin(world, attempt, user)), correlationId: request.correlationId }
    },
  )
}

async function begin(world: ServiceWorld, attempt: Try, user: Account) {
  const { userId } = user
  const token = makeToken()
  const session = {
    sessionId: randomUUID(),
    userId,
    tokenHash: hashToken(token),
    beganAt: world.now(),
    endsAt: world.now() + sessionLasts,
  }
  const refused = await world.bus.transaction(async ({ tx, publish }) => {
    // Asked again: while this password was checked, it may have been replaced, and the sessions of then ended; this one must not outlive them.
    if (!(await holdAccount(tx, user))) return 'changed'
    // And others may have failed often enough to lock the account.
    const until = lockedUntil(await failuresOf(tx, attempt.account, world.now() - failuresMatter), world.now())
    if (until !== undefined) return until
    await forgetFailures(tx, attempt.account)
    await addSession(tx, session)
    await publish(
      UserLoggedIn,
      { userId, sessionId: session.sessionId, ...attempt.from },
      { userId, sessionId: session.sessionId },
    )
    return undefined
  })
  if (refused === 'changed')
    throw await refuseWrong(world, { ...attempt, user: await accountById(world.store, userId) })
  if (refused !== undefined) throw await refuseLocked(world, attempt, refused)
  return { token, userId, endsAt: new Date(session.endsAt).toISOString() }
}

/** Counts a wrong password, tells of it, and answers what to say. */
export async function refuseWrong(world: ServiceWorld, { account, user, from }: Try): Promise<HttpProblem> {
  const reason: Reason = user === undefined ? 'unknown-account' : 'wrong-password'
  const now = world.now()
  await world.bus.transaction(async ({ tx, publish }) => {
    await addFailure(tx, account, now, now - failuresMatter)
    await publish(LoginFailed, { account, userId: user?.userId ?? null, reason, ...from })
    const failures = await failuresOf(tx, account, now - failuresMatter)
    const until = lockedUntil(failures, now)
    if (until !== undefined && user !== undefined) {
      await publish(AccountLocked, {
        userId: user.userId,
        failures: failures.length,
        lockedUntil: new Date(until).toISOString(),
      })
    }
  })
  // One answer for both reasons, so that nobody learns which accounts exist.
  return new HttpProblem({ status: 401, title: 'The e-mail address or the password is not right' })
}

/** Tells of a try while the account is locked, and answers what to say. */
export async function refuseLocked(
  world: ServiceWorld,
  { account, user, from }: Try,
  until: number,
): Promise<HttpProblem> {
  await world.bus.publish(LoginFailed, { account, userId: user?.userId ?? null, reason: 'locked', ...from })
  return new HttpProblem({
    status: 423,
    title: 'Too many logins have failed',
    detail: 'The account takes no login until the lock ends.',
    headers: { 'retry-after': String(Math.max(1, Math.ceil((until - world.now()) / 1_000))) },
  })
}

export function whereFrom(request: FastifyRequest): Try['from'] {
  return { ipAddress: request.ip, userAgent: request.headers['user-agent']?.slice(0, 300) ?? null }
}
