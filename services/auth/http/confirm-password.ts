import { HttpProblem } from '@tidings/http'
import type { ServiceWorld } from '@tidings/service'

import { type Account, addFailure, failuresOf } from '../accounts.ts'
import { lockedUntil, lockoutRule } from '../domain/lockout.ts'
import { checkPassword } from '../passwords.ts'
import { accountOf } from '../tokens.ts'

const failuresMatter = lockoutRule.within + lockoutRule.lasts

/**
 * Asks somebody who is logged in for the password once more. Throws a 403 for a wrong one, and a 423 while the account is locked: failures count as those of
 * logins do, so that a session that was left open lets nobody guess.
 */
export async function confirmPassword(
  { bus, store, now }: ServiceWorld,
  { email, password }: Account,
  { body }: { readonly body: { readonly password: string } },
): Promise<void> {
  const account = accountOf(email)
  const locked = lockedUntil(await failuresOf(store, account, now() - failuresMatter), now())
  if (locked !== undefined)
    throw new HttpProblem({
      status: 423,
      title: 'Too many logins have failed',
      detail: 'The account takes no password until the lock ends.',
      headers: { 'retry-after': String(Math.max(1, Math.ceil((locked - now()) / 1_000))) },
    })
  if (await checkPassword(body.password, password)) return
  await bus.transaction(({ tx }) => addFailure(tx, account, now(), now() - failuresMatter))
  throw new HttpProblem({
    status: 403,
    title: 'The password is not right',
    errors: [{ field: 'password', rule: 'must be the password of this account' }],
  })
}
