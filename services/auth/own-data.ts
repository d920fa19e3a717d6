import { type SqlStore, sql } from 'tidings'

import { dataParts } from './contract/data-parts.ts'
import { accountOf } from './tokens.ts'

/** What auth itself holds of somebody, without what opens anything: no password, no token, not even as a hash. */
export async function ownData(store: SqlStore, userId: string): Promise<readonly string[]> {
  const accounts = await store.query(
    sql`select email, username, state, registered_at from auth_users where user_id = ${userId}`,
  )
  const sessions = await store.query(
    sql`select began_at, ends_at from auth_sessions where user_id = ${userId} order by began_at`,
  )
  const [account] = accounts
  const failures =
    account === undefined
      ? []
      : await store.query(
          sql`select failed_at from auth_login_failures where account = ${accountOf(account.email as string)}`,
        )
  const at = (value: unknown): string => new Date(Number(value)).toISOString()
  return dataParts({
    accounts: accounts.map((row) => ({
      userId,
      email: row.email,
      username: row.username,
      state: row.state,
      registeredAt: at(row.registered_at),
    })),
    sessions: sessions.map((row) => ({ beganAt: at(row.began_at), endsAt: at(row.ends_at) })),
    failedLogins: failures.map((row) => ({ at: at(row.failed_at) })),
  })
}
