import { randomUUID } from 'node:crypto'

import { ErasureRequested, UserErased } from '@tidings-services/auth/contract'
import type { EventBus } from 'tidings'

/**
 * Takes a person out of the trail, and leaves the trail: that something happened, when, and because of what stays; whom it was about becomes a pseudonym
 * made at random, which nothing leads back from. The login history goes.
 */
export function forgetUser(bus: EventBus, now: () => number): void {
  bus.subscribe(
    ErasureRequested,
    { name: 'audit.erasure', from: 'beginning', priority: 'high', retry: { tries: 10 } },
    async ({ data: { deletionId, userId, account, services } }, { tx, publish }) => {
      if (!services.includes('audit')) return
      const actor = `user:${userId}`
      // What is recorded from here on stands under the pseudonym, too: events may come late.
      const [known] = await tx.sql`
        insert into audit_erased (user_id, pseudonym, erased_at) values (${userId}, ${randomUUID()}, ${now()})
        on conflict (user_id) do update set erased_at = audit_erased.erased_at returning pseudonym`
      const pseudonym = `erased:${known?.pseudonym as string}`
      const subjects = await tx.sql`
        update audit_events set subject = ${pseudonym} where subject in (${userId}, ${account}) returning event_id`
      const actors =
        await tx.sql`update audit_events set actor = ${pseudonym} where actor = ${actor} returning event_id`
      const logins = await tx.sql`delete from audit_logins where user_id = ${userId} returning event_id`
      await publish(UserErased, {
        deletionId,
        userId,
        service: 'audit',
        rows: {
          audit_events: new Set([...subjects, ...actors].map(({ event_id: id }) => id)).size,
          audit_logins: logins.length,
        },
      })
    },
  )
}
