import type { Migration } from '@tidings/service'
import { sql } from 'tidings'

export const migrations: readonly Migration[] = [
  {
    id: '0001-sent',
    statements: [
      sql`create table notifications_sent (
        message_id text primary key,
        user_id text not null,
        kind text not null,
        sent_at bigint not null
      )`,
      sql`create index notifications_sent_user on notifications_sent (user_id, sent_at)`,
    ],
  },
  {
    id: '0002-addresses-and-sealing-keys',
    statements: [
      // Address and name are null once somebody is erased: the id, which leads nowhere, stays, so that nothing brings them back.
      sql`create table notifications_addresses (
        user_id text primary key,
        email text,
        username text,
        changed_at bigint not null
      )`,
      sql`create table notifications_sealing_keys (
        key_id text primary key,
        private_key text not null,
        public_key text not null,
        made_at bigint not null
      )`,
    ],
  },
]
