import type { Migration } from '@tidings/service'
import { sql } from 'tidings'

export const migrations: readonly Migration[] = [
  {
    id: '0001-accounts-and-sessions',
    statements: [
      sql`create table auth_users (
        user_id text primary key,
        email text not null unique,
        username text not null unique,
        password text not null,
        profile_created integer not null default 0,
        registered_at bigint not null
      )`,
      sql`create table auth_sessions (
        session_id text primary key,
        token_hash text not null unique,
        user_id text not null,
        began_at bigint not null,
        ends_at bigint not null
      )`,
      sql`create table auth_login_failures (account text not null, failed_at bigint not null)`,
      sql`create index auth_login_failures_account on auth_login_failures (account, failed_at)`,
    ],
  },
]
