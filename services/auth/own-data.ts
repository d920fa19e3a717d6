import type { ServiceWorld } from '@tidings/service'
import { sql } from 'tidings'

import { dataParts } from './contract/data-parts.ts'
import { loginsInLog } from './logins-in-log.ts'
import { accountOf } from './tokens.ts'

/** What auth itself holds of somebody, in its tables and in its log, without what opens anything: no password, no token, not even as a hash. */
export async function ownData(
  { store, bus }: Pick<ServiceWorld, 'store' | 'bus'>,
  userId: string,
): Promise<readonly string[]> {
  const accounts = await store.query(
    sql`select email, username, state, registered_at from auth_users where user_id = ${userId}`,
  )
  const sessions = await store.query(
    sql`select began_at, ends_at from auth_sessions where user_id = ${userId} order by began_at`,
  )
  const [row] = accounts
  const account = row === undefined ? undefined : accountOf(row.email as string)
  const failures =
    account === undefined
      ? []
      : await store.query(sql`select failed_at from auth_login_failures where account = ${account}`)
  const logins = account === undefined ? [] : await loginsInLog(bus.store, userId, account)
  const at = (value: unknown): string => new Date(Number(value)).toISOString()
  return dataParts({
    accounts: accounts.map((one) => ({
      userId,
      email: one.email,
      username: one.username,
      state: one.state,
      registeredAt: at(one.registered_at),
    })),
    sessions: sessions.map((one) => ({ beganAt: at(one.began_at), endsAt: at(one.ends_at) })),
    failedLogins: failures.map((one) => ({ at: at(one.failed_at) })),
    logins: logins.map((login) => ({ ...login })),
  })
}
