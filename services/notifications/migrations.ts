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
]
