import { HttpProblem } from '@tidings/http'
import type { ServiceWorld } from '@tidings/service'
import type { FastifyRequest } from 'fastify'

import { type Account, failuresOf } from '../accounts.ts'
import { lockedUntil } from '../domain/lockout.ts'
import { checkPassword } from '../passwords.ts'
import { accountOf } from '../tokens.ts'
import { failuresMatter, refuseLocked, refuseWrong, type Try, whereFrom } from './login.ts'

/**
 * Asks somebody who is logged in for the password once more. Throws a 403 for a wrong one, and a 423 while the account is locked: failures count, and are told,
 * as those of logins are, so that a session that was left open lets nobody guess.
 */
export async function confirmPassword(
  world: ServiceWorld,
  user: Account,
  password: string,
  request: FastifyRequest,
): Promise<void> {
  const attempt: Try = { account: accountOf(user.email), user, from: whereFrom(request) }
  await refuseWhileLocked(world, attempt)
  if (await checkPassword(password, user.password)) {
    // Asked again: while this password was checked, others may have failed often enough to lock the account.
    await refuseWhileLocked(world, attempt)
    return
  }
  await refuseWrong(world, attempt)
  throw new HttpProblem({
    status: 403,
    title: 'The password is not right',
    errors: [{ field: 'password', rule: 'must be the password of this account' }],
  })
}

async function refuseWhileLocked(world: ServiceWorld, attempt: Try): Promise<void> {
  const now = world.now()
  const locked = lockedUntil(await failuresOf(world.store, attempt.account, now - failuresMatter), now)
  if (locked !== undefined) throw await refuseLocked(world, attempt, locked)
}
