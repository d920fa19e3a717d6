import type { Migration } from '@tidings/service'
import { sql } from 'tidings'

export const migrations: readonly Migration[] = [
  {
    id: '0001-profiles',
    statements: [
      sql`create table users_profiles (
        user_id text primary key,
        username text not null,
        display_name text not null,
        created_at bigint not null
      )`,
    ],
  },
  {
    id: '0002-preferences-and-erasure',
    statements: [
      sql`create table users_preferences (
        user_id text primary key,
        language text not null,
        theme text not null,
        newsletter integer not null,
        changed_at bigint not null
      )`,
      // Ids of those who are gone, which lead nowhere: what was asked for before they went, and is heard after, must not bring them back.
      sql`create table users_erased (user_id text primary key, erased_at bigint not null)`,
    ],
  },
]
