import { DataPartsRequested, dataParts, UserDataCollected } from '@tidings-services/auth/contract'
import { type EventBus, type SqlStore, sql } from 'tidings'

/** Sends what this service holds of somebody who asks for it. */
export function tellData(bus: EventBus, store: SqlStore): void {
  bus.subscribe(
    DataPartsRequested,
    { name: 'notifications.export', from: 'beginning', priority: 'low' },
    async ({ data: { exportId, userId, services } }, { publish }) => {
      if (!services.includes('notifications')) return
      const addresses = await store.query(
        sql`select email, username from notifications_addresses where user_id = ${userId} and email is not null`,
      )
      const sent = await store.query(
        sql`select kind, sent_at, message_id from notifications_sent where user_id = ${userId} order by sent_at`,
      )
      const parts = dataParts({
        addresses: addresses.map((row) => ({ email: row.email, username: row.username })),
        mails: sent.map((row) => ({
          kind: row.kind,
          sentAt: new Date(Number(row.sent_at)).toISOString(),
          messageId: row.message_id,
        })),
      })
      for (const [part, data] of parts.entries())
        await publish(UserDataCollected, {
          exportId,
          userId,
          service: 'notifications',
          part,
          parts: parts.length,
          data,
        })
    },
  )
}
