import { DataPartsRequested, dataParts, UserDataCollected } from '@tidings-services/auth/contract'
import { type EventBus, type SqlStore, sql } from 'tidings'

/** Most entries of each kind that one export holds; the newest. */
const most = 5_000

/** Sends what this service holds of somebody who asks for it. */
export function tellData(bus: EventBus, store: SqlStore): void {
  bus.subscribe(
    DataPartsRequested,
    { name: 'audit.export', from: 'beginning', priority: 'low' },
    async ({ data: { exportId, userId, services } }, { publish }) => {
      if (!services.includes('audit')) return
      const events = await store.query(sql`
        select type, correlation_id, happened_at from audit_events
        where subject = ${userId} or actor = ${`user:${userId}`} order by happened_at desc limit ${most}`)
      const logins = await store.query(sql`
        select type, reason, happened_at from audit_logins where user_id = ${userId} order by happened_at desc limit ${most}`)
      const at = (row: { readonly happened_at?: unknown }): string => new Date(Number(row.happened_at)).toISOString()
      const parts = dataParts({
        events: events.map((row) => ({
          type: row['type'],
          at: at(row),
          correlationId: row['correlation_id'],
        })),
        logins: logins.map((row) => ({ type: row['type'], at: at(row), reason: row['reason'] })),
      })
      for (const [part, data] of parts.entries())
        await publish(UserDataCollected, { exportId, userId, service: 'audit', part, parts: parts.length, data })
    },
  )
}
