import { ErasureRequested, UserErased } from '@tidings-services/auth/contract'
import type { EventBus } from 'tidings'

/** Erases the address of whoever wants to be forgotten, and what was sent to it. Told again, it answers again. */
export function forgetUser(bus: EventBus, now: () => number): void {
  bus.subscribe(
    ErasureRequested,
    { name: 'notifications.erasure', from: 'beginning', priority: 'high', retry: { tries: 10 } },
    async ({ data: { deletionId, userId, services } }, { tx, publish }) => {
      if (!services.includes('notifications')) return
      const known = await tx.sql`
        select user_id from notifications_addresses where user_id = ${userId} and email is not null`
      await tx.sql`
        insert into notifications_addresses (user_id, email, username, changed_at)
        values (${userId}, ${null}, ${null}, ${now()})
        on conflict (user_id) do update set email = null, username = null, changed_at = ${now()}`
      const sent = await tx.sql`delete from notifications_sent where user_id = ${userId} returning message_id`
      await publish(UserErased, {
        deletionId,
        userId,
        service: 'notifications',
        rows: { notifications_addresses: known.length, notifications_sent: sent.length },
      })
    },
  )
}
