import type { Migration } from '@tidings/service'
import { sql } from 'tidings'

export const migrations: readonly Migration[] = [
  {
    id: '0001-events-and-logins',
    statements: [
      sql`create table audit_events (
        source text not null,
        event_id text not null,
        type text not null,
        version text not null,
        subject text not null,
        tenant text,
        actor text not null,
        correlation_id text not null,
        causation_id text,
        happened_at bigint not null,
        recorded_at bigint not null,
        primary key (source, event_id)
      )`,
      sql`create index audit_events_correlation on audit_events (correlation_id)`,
      sql`create index audit_events_time on audit_events (happened_at)`,
      sql`create index audit_events_subject on audit_events (subject)`,
      sql`create table audit_logins (
        source text not null,
        event_id text not null,
        type text not null,
        severity text not null,
        user_id text,
        reason text,
        correlation_id text not null,
        happened_at bigint not null,
        primary key (source, event_id)
      )`,
      sql`create index audit_logins_user on audit_logins (user_id, happened_at)`,
      sql`create index audit_logins_time on audit_logins (happened_at)`,
    ],
  },
  {
    id: '0002-erased',
    statements: [
      // Ids of those who are gone, which lead nowhere, and what stands for them in the trail.
      sql`create table audit_erased (user_id text primary key, pseudonym text not null, erased_at bigint not null)`,
    ],
  },
]
