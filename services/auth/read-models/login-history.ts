import { defineProjection, type Statement, sql } from 'tidings'

import { AccountLocked } from '../contract/account-locked.ts'
import { LoginFailed } from '../contract/login-failed.ts'
import { UserDeleted } from '../contract/user-deletion.ts'
import { UserLoggedIn } from '../contract/user-logged-in.ts'
import { UserLoggedOut } from '../contract/user-logged-out.ts'

/** What happened to an account, for its owner: nothing of where it came from, so that a read model holds no more than it must. */
export const loginHistory = defineProjection('auth.login-history', {
  version: 1,
  // Failed logins leave the log in time; built anew, the history lacks those that have.
  lossy: true,
  tables: {
    auth_login_history: sql`(event_id text primary key, user_id text not null, what text not null, happened_at text not null)`,
    auth_login_forgotten: sql`(user_id text primary key)`,
  },
  indexes: { auth_login_history: [sql`(user_id, happened_at)`] },
  on: (on) => [
    on([UserLoggedIn, UserLoggedOut, AccountLocked], (event, { write, tables }) =>
      write(note(tables, event, event.data.userId)),
    ),
    on(LoginFailed, (event, { write, tables }) => {
      if (event.data.userId !== null) write(note(tables, event, event.data.userId))
    }),
    on(UserDeleted, ({ data: { userId } }, { write, tables }) => {
      write(sql`insert into ${tables.auth_login_forgotten} (user_id) values (${userId}) on conflict do nothing`)
      write(sql`delete from ${tables.auth_login_history} where user_id = ${userId}`)
    }),
  ],
})

/** Failed logins are a stream of their own: one that is heard after its account is gone must leave nothing. */
function note(
  tables: Readonly<Record<'auth_login_history' | 'auth_login_forgotten', Statement>>,
  { id, type, time }: { readonly id: string; readonly type: string; readonly time: string },
  userId: string,
): Statement {
  return sql`
    insert into ${tables.auth_login_history} (event_id, user_id, what, happened_at)
    select ${id}, ${userId}, ${type}, ${time}
    where not exists (select 1 from ${tables.auth_login_forgotten} where user_id = ${userId})`
}
