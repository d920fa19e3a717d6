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
  {
    id: '0002-flows',
    statements: [
      // registering, active, failed or deleting. Accounts of before are active.
      sql`alter table auth_users add column state text not null default 'active'`,
      sql`create table auth_registrations (
        user_id text primary key,
        status text not null,
        began_at bigint not null,
        profile_at bigint,
        preferences_at bigint,
        mail_at bigint,
        ended_at bigint
      )`,
      sql`create table auth_deletions (
        deletion_id text primary key,
        status text not null,
        farewell text,
        asked integer not null default 0,
        began_at bigint not null,
        ended_at bigint
      )`,
      sql`create table auth_erasures (
        deletion_id text not null,
        service text not null,
        erased_rows text not null,
        erased_at bigint not null,
        primary key (deletion_id, service)
      )`,
      // Codes are kept as hashes.
      sql`create table auth_password_resets (
        reset_id text primary key,
        user_id text not null,
        code_hash text not null unique,
        began_at bigint not null,
        ends_at bigint not null
      )`,
      sql`create index auth_password_resets_user on auth_password_resets (user_id)`,
      sql`create table auth_reset_limits (account text primary key, began_at bigint not null, asked integer not null)`,
      sql`create table auth_exports (
        export_id text primary key,
        user_id text not null,
        status text not null,
        missing text not null,
        link_hash text unique,
        began_at bigint not null,
        ready_at bigint,
        ends_at bigint
      )`,
      sql`create index auth_exports_user on auth_exports (user_id, began_at)`,
      sql`create table auth_export_parts (
        export_id text not null,
        service text not null,
        part integer not null,
        parts integer not null,
        data text not null,
        primary key (export_id, service, part)
      )`,
    ],
  },
  {
    id: '0003-expiry',
    statements: [
      // What is over is dropped for all accounts at once, so it is looked for by time.
      sql`create index auth_login_failures_time on auth_login_failures (failed_at)`,
      sql`create index auth_reset_limits_time on auth_reset_limits (began_at)`,
      sql`create index auth_sessions_end on auth_sessions (ends_at)`,
      sql`create index auth_sessions_user on auth_sessions (user_id, ends_at)`,
    ],
  },
  {
    id: '0004-usernames',
    statements: [
      // Names that differ only in capitals are one. Those who share one from before keep it: the eldest account holds it, and the others stand aside of the
      // index, so that nobody is renamed and nothing fails; nobody else gets it.
      sql`alter table auth_users add column shares_name integer not null default 0`,
      sql`update auth_users set shares_name = 1 where user_id in (
        select user_id from (
          select user_id, row_number() over (partition by lower(username) order by registered_at, user_id) as place from auth_users
        ) as named where place > 1
      )`,
      sql`create unique index auth_users_name on auth_users (lower(username)) where shares_name = 0`,
    ],
  },
]
