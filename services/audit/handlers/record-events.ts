import { type EventBus, sql } from 'tidings'

/** Writes down that every event happened: who, what, when, because of what. Not what it says; that is in the log, and can be erased there. */
export function recordEvents(bus: EventBus, now: () => number): void {
  bus.subscribe(
    '**',
    { name: 'audit.events', from: 'beginning', priority: 'low', concurrency: 20 },
    (event, { write }) => {
      const { id, source, type, version, key, timestamp, context } = event
      const actor = context.actor ?? 'system'
      write(sql`
      insert into audit_events (
        source, event_id, type, version, subject, tenant, actor, correlation_id, causation_id, happened_at, recorded_at
      ) values (
        ${source}, ${id}, ${type}, ${version},
        coalesce((select 'erased:' || pseudonym from audit_erased where user_id = ${key}), ${key}),
        ${context.tenantId ?? null},
        coalesce((select 'erased:' || pseudonym from audit_erased where 'user:' || user_id = ${actor}), ${actor}),
        ${context.correlationId ?? id}, ${context.causationId ?? null}, ${timestamp}, ${now()}
      ) on conflict do nothing`)
    },
  )
}
