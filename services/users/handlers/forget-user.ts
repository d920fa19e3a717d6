import { ErasureRequested, ProfileWithdrawn, UserErased } from '@tidings-services/auth/contract'
import type { EventBus, HandlerContext } from 'tidings'

/** Erases whoever wants to be forgotten and says so, and takes back what a failed registration has left. Told again, it answers again. */
export function forgetUser(bus: EventBus, now: () => number): void {
  bus.subscribe(
    ErasureRequested,
    { name: 'users.erasure', from: 'beginning', priority: 'high', retry: { tries: 10 } },
    async ({ data: { deletionId, userId, services } }, { tx, publish }) => {
      if (!services.includes('users')) return
      await publish(UserErased, { deletionId, userId, service: 'users', rows: await erase(tx, userId, now()) })
    },
  )
  bus.subscribe(
    ProfileWithdrawn,
    { name: 'users.withdrawal', from: 'beginning', retry: { tries: 10 } },
    async ({ data: { userId } }, { tx }) => {
      await erase(tx, userId, now())
    },
  )
}

async function erase({ sql }: HandlerContext['tx'], userId: string, now: number): Promise<Record<string, number>> {
  await sql`insert into users_erased (user_id, erased_at) values (${userId}, ${now}) on conflict do nothing`
  const profiles = await sql`delete from users_profiles where user_id = ${userId} returning user_id`
  const preferences = await sql`delete from users_preferences where user_id = ${userId} returning user_id`
  return { users_profiles: profiles.length, users_preferences: preferences.length }
}
