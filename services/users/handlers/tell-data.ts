import { DataPartsRequested, dataParts, UserDataCollected } from '@tidings-services/auth/contract'
import { type EventBus, type SqlStore, sql } from 'tidings'

/** Sends what this service holds of somebody who asks for it. */
export function tellData(bus: EventBus, store: SqlStore): void {
  bus.subscribe(
    DataPartsRequested,
    { name: 'users.export', from: 'beginning', priority: 'low' },
    async ({ data: { exportId, userId, services } }, { publish }) => {
      if (!services.includes('users')) return
      const profiles = await store.query(
        sql`select user_id, username, display_name, created_at from users_profiles where user_id = ${userId}`,
      )
      const preferences = await store.query(
        sql`select language, theme, newsletter, changed_at from users_preferences where user_id = ${userId}`,
      )
      const parts = dataParts({
        profiles: profiles.map((row) => ({
          userId: row.user_id,
          username: row.username,
          displayName: row.display_name,
          createdAt: new Date(Number(row.created_at)).toISOString(),
        })),
        preferences: preferences.map((row) => ({
          language: row.language,
          theme: row.theme,
          newsletter: Number(row.newsletter) === 1,
          changedAt: new Date(Number(row.changed_at)).toISOString(),
        })),
      })
      for (const [part, data] of parts.entries())
        await publish(UserDataCollected, { exportId, userId, service: 'users', part, parts: parts.length, data })
    },
  )
}
