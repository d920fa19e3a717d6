import type { ServiceWorld } from '@tidings/service'

import { type Account, accountById, type Session, sessionOf } from '../accounts.ts'
import { bearerOf, hashToken, notLoggedIn } from '../tokens.ts'

/** Whose session a request belongs to. Throws a 401 where it belongs to none. */
export async function whoAsks(
  { store, now }: ServiceWorld,
  authorization: string | undefined,
): Promise<Session & { readonly account: Account }> {
  const session = await sessionOf(store, hashToken(bearerOf(authorization)), now())
  const account = session === undefined ? undefined : await accountById(store, session.userId)
  if (session === undefined || account === undefined) throw notLoggedIn()
  return { ...session, account }
}
