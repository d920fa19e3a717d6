import { LoginFailed } from '@tidings-services/auth/contract'
import { type Event, type EventBus, sql } from 'tidings'

/** Writes down that every event happened: who, what, when, because of what. Not what it says; that is in the log, and can be erased there. */
export function recordEvents(bus: EventBus, now: () => number): void {
  bus.subscribe(
    '**',
    { name: 'audit.events', from: 'beginning', priority: 'low', concurrency: 20 },
    (event, { write }) => {
      const { id, source, type, version, timestamp, context } = event
      const subject = subjectOf(event)
      const actor = context.actor ?? 'system'
      write(sql`
      insert into audit_events (
        source, event_id, type, version, subject, tenant, actor, correlation_id, causation_id, happened_at, recorded_at
      ) values (
        ${source}, ${id}, ${type}, ${version},
        coalesce((select 'erased:' || pseudonym from audit_erased where user_id = ${subject}), ${subject}),
        ${context.tenantId ?? null},
        coalesce((select 'erased:' || pseudonym from audit_erased where 'user:' || user_id = ${actor}), ${actor}),
        ${context.correlationId ?? id}, ${context.causationId ?? null}, ${timestamp}, ${now()}
      ) on conflict do nothing`)
    },
  )
}

/** What stands for an account that nobody has, or nobody has any more. */
const unknownAccount = 'unknown-account'

/**
 * Whom or what an event is about. A failed login is told under a hash of the address that was tried, and that is kept nowhere here: whose address it was may
 * have been erased before it is heard, and for an address that nobody has there is nobody who could ask for that.
 */
function subjectOf({ type, key, data }: Event<unknown>): string {
  if (type !== LoginFailed.type) return key
  const { userId } = (data ?? {}) as { readonly userId?: unknown }
  return typeof userId === 'string' ? userId : unknownAccount
}
