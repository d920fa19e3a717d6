import { ProfileRequested } from '@tidings-services/auth/contract'
import type { EventBus } from 'tidings'

import { UserProfileCreated } from '../contract/user-profile-created.ts'
import { firstProfile } from '../domain/first-profile.ts'

/**
 * Makes the profile that a registration asks for; that it exists, and that it is told, become true together. Whoever was erased meanwhile, or whose
 * registration was taken back, gets none.
 */
export function createProfile(bus: EventBus, now: () => number): void {
  bus.subscribe(
    ProfileRequested,
    { name: 'users.profile', from: 'beginning', priority: 'high', onChange: 'accept' },
    async ({ data }, { tx, publish }) => {
      const { userId, username, displayName } = firstProfile(data)
      const [gone] = await tx.sql`select user_id from users_erased where user_id = ${userId}`
      if (gone !== undefined) return
      await tx.sql`
        insert into users_profiles (user_id, username, display_name, created_at)
        values (${userId}, ${username}, ${displayName}, ${now()}) on conflict do nothing`
      await publish(UserProfileCreated, { userId })
    },
  )
}
