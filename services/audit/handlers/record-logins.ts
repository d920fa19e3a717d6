import { AccountLocked, LoginFailed, UserLoggedIn, UserLoggedOut } from '@tidings-services/auth/contract'
import { type Event, type EventBus, type HandlerContext, sql } from 'tidings'

import { severityOf } from '../domain/severity.ts'

const options = { from: 'beginning', priority: 'low', concurrency: 20 } as const

/** Writes down who came, who went, and who was refused. Without addresses: those are in the log, and can be erased there. */
export function recordLogins(bus: EventBus): void {
  bus.subscribe([UserLoggedIn, UserLoggedOut], { name: 'audit.logins', ...options }, (event, { write }) =>
    keep(event, write, event.data.userId, null),
  )
  bus.subscribe(LoginFailed, { name: 'audit.failed-logins', ...options }, (event, { write }) =>
    keep(event, write, event.data.userId, event.data.reason),
  )
  bus.subscribe(AccountLocked, { name: 'audit.locks', ...options }, (event, { write }) =>
    keep(event, write, event.data.userId, `${event.data.failures} failures`),
  )
}

function keep(
  event: Event<unknown>,
  write: HandlerContext['write'],
  userId: string | null,
  reason: string | null,
): void {
  write(sql`
    insert into audit_logins (source, event_id, type, severity, user_id, reason, correlation_id, happened_at)
    values (
      ${event.source}, ${event.id}, ${event.type}, ${severityOf(event.type)},
      coalesce((select 'erased:' || pseudonym from audit_erased where user_id = ${userId}), ${userId}), ${reason},
      ${event.context.correlationId ?? event.id}, ${event.timestamp}
    ) on conflict do nothing`)
}
