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
]
