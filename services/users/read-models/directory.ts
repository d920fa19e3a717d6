import { ProfileRequested, ProfileWithdrawn, UserErased } from '@tidings-services/auth/contract'
import { defineProjection, type Statement, sql } from 'tidings'

import { UserProfileCreated } from '../contract/user-profile-created.ts'

/**
 * Who is here, by name. What is told of somebody comes in several streams, so in any order: a name is listed once it is known and its profile exists, and
 * whoever is gone stays gone.
 */
export const directory = defineProjection('users.directory', {
  version: 1,
  tables: {
    users_directory: sql`(
      user_id text primary key,
      username text,
      name text,
      listed integer not null,
      gone integer not null
    )`,
  },
  indexes: { users_directory: [sql`(name)`] },
  on: (on) => [
    on(ProfileRequested, ({ data: { userId, username } }, { write, tables: { users_directory: table } }) =>
      write(sql`
        insert into ${table} (user_id, username, name, listed, gone) values (${userId}, ${username}, ${username.toLowerCase()}, 0, 0)
        on conflict (user_id) do update set username = excluded.username, name = excluded.name where ${table}.gone = 0`),
    ),
    on(UserProfileCreated, ({ data: { userId } }, { write, tables: { users_directory: table } }) =>
      write(sql`
        insert into ${table} (user_id, listed, gone) values (${userId}, 1, 0)
        on conflict (user_id) do update set listed = 1 where ${table}.gone = 0`),
    ),
    on(ProfileWithdrawn, ({ data: { userId } }, { write, tables }) => write(gone(tables.users_directory, userId))),
    on(UserErased, ({ data: { userId, service } }, { write, tables }) => {
      if (service === 'users') write(gone(tables.users_directory, userId))
    }),
  ],
})

/** An id that leads nowhere is all that stays, so that what is heard later brings nobody back. */
function gone(table: Statement, userId: string): Statement {
  return sql`
    insert into ${table} (user_id, listed, gone) values (${userId}, 0, 1)
    on conflict (user_id) do update set username = null, name = null, listed = 0, gone = 1`
}
