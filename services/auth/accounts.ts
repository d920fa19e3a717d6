import { type Row, type SqlStore, sql, type TransactionContext } from 'tidings'

import type { Registration } from './domain/registration.ts'

type Tx = TransactionContext['tx']

export interface Account {
  readonly userId: string
  readonly username: string
  /** PHC string. */
  readonly password: string
  readonly profileCreated: boolean
  readonly email: string
}

/** Accounts that can be used: neither failed nor on their way out. */
const usable = sql`state in ('registering', 'active')`

/** Keeps a new account. Answers which fields are taken; none when it is kept. */
export async function addAccount(
  tx: Tx,
  { userId, email, username, password, now }: Registration & { readonly userId: string; readonly now: number },
): Promise<readonly ('email' | 'username')[]> {
  const [kept] = await tx.sql`
    insert into auth_users (user_id, email, username, password, registered_at, state)
    values (${userId}, ${email}, ${username}, ${password}, ${now}, 'registering') on conflict do nothing returning user_id`
  if (kept !== undefined) {
    await tx.sql`
      insert into auth_registrations (user_id, status, began_at) values (${userId}, 'registering', ${now})`
    return []
  }
  const others = await tx.sql`
    select email, username from auth_users where email = ${email} or lower(username) = lower(${username})`
  const taken: ('email' | 'username')[] = []
  if (others.some((other) => other.email === email)) taken.push('email')
  const name = username.toLowerCase()
  if (others.some((other) => (other.username as string).toLowerCase() === name)) taken.push('username')
  return taken
}

export async function accountByEmail(store: SqlStore, email: string): Promise<Account | undefined> {
  const [row] = await store.query(
    sql`select user_id, username, email, password, profile_created from auth_users where email = ${email} and ${usable}`,
  )
  return row === undefined ? undefined : accountOf(row)
}

export async function accountById(store: SqlStore, userId: string): Promise<Account | undefined> {
  const [row] = await store.query(
    sql`select user_id, username, email, password, profile_created from auth_users where user_id = ${userId} and ${usable}`,
  )
  return row === undefined ? undefined : accountOf(row)
}

/**
 * Holds an account until the transaction ends, as it was when its password was checked. Answers false where the password is another by now, or the account
 * cannot be used any more. Whoever changes either writes the same row: they have done it before this, or they wait and find what was begun here.
 */
export async function holdAccount(tx: Tx, { userId, password }: Account): Promise<boolean> {
  const rows = await tx.sql`
    update auth_users set password = password
    where user_id = ${userId} and password = ${password} and ${usable} returning user_id`
  return rows.length > 0
}

function accountOf(row: Row): Account {
  return {
    userId: row.user_id as string,
    username: row.username as string,
    email: row.email as string,
    password: row.password as string,
    profileCreated: row.profile_created === 1,
  }
}

export interface NewSession {
  readonly sessionId: string
  readonly userId: string
  /** Hash of the token; the token itself is never kept. */
  readonly tokenHash: string
  readonly beganAt: number
  readonly endsAt: number
}

/** Begins a session, and drops all that are over, whoever's they were: many do not come back to do that for their own. */
export async function addSession(tx: Tx, { sessionId, tokenHash, userId, beganAt, endsAt }: NewSession): Promise<void> {
  await tx.sql`delete from auth_sessions where ends_at <= ${beganAt}`
  await tx.sql`
    insert into auth_sessions (session_id, token_hash, user_id, began_at, ends_at)
    values (${sessionId}, ${tokenHash}, ${userId}, ${beganAt}, ${endsAt})`
}

export interface Session {
  readonly sessionId: string
  readonly userId: string
}

/** The session that a token opens. An account that cannot be used any more has none, whatever was begun in the same moment. */
export async function sessionOf(store: SqlStore, tokenHash: string, now: number): Promise<Session | undefined> {
  const [row] = await store.query(
    sql`
      select session_id, auth_sessions.user_id from auth_sessions
      join auth_users on auth_users.user_id = auth_sessions.user_id and ${usable}
      where token_hash = ${tokenHash} and ends_at > ${now}`,
  )
  return row === undefined ? undefined : { sessionId: row.session_id as string, userId: row.user_id as string }
}

/** Ends a session. Answers whether there was one: of two that end it at the same time, one did. */
export async function endSession(tx: Tx, sessionId: string): Promise<boolean> {
  const rows = await tx.sql`delete from auth_sessions where session_id = ${sessionId} returning session_id`
  return rows.length > 0
}

/** Ends all sessions of somebody. Answers how many there were. */
export async function endSessions(tx: Tx, userId: string): Promise<number> {
  const rows = await tx.sql`delete from auth_sessions where user_id = ${userId} returning session_id`
  return rows.length
}

/** When logins to this account have failed, as far back as it matters. */
export async function failuresOf(from: SqlStore | Tx, account: string, since: number): Promise<readonly number[]> {
  const query = sql`select failed_at from auth_login_failures where account = ${account} and failed_at >= ${since}`
  const rows = 'query' in from ? await from.query(query) : await from.sql`${query}`
  return rows.map((row) => Number(row.failed_at))
}

/** Keeps one failure, and drops what is too old to matter, of all accounts: anybody may try addresses that nobody ever tries again. */
export async function addFailure(tx: Tx, account: string, now: number, since: number): Promise<void> {
  await tx.sql`delete from auth_login_failures where failed_at < ${since}`
  await tx.sql`insert into auth_login_failures (account, failed_at) values (${account}, ${now})`
}

export async function forgetFailures(tx: Tx, account: string): Promise<void> {
  await tx.sql`delete from auth_login_failures where account = ${account}`
}
