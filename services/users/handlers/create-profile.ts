import { UserRegistered } from '@tidings-services/auth/contract'
import { type EventBus, sql } from 'tidings'

import { UserProfileCreated } from '../contract/user-profile-created.ts'
import { firstProfile } from '../domain/first-profile.ts'

/** Whoever registers gets a profile; that it exists, and that it is told, become true together. */
export function createProfile(bus: EventBus, now: () => number): void {
  bus.subscribe(
    UserRegistered,
    { name: 'users.profile', from: 'beginning', priority: 'high' },
    async ({ data }, { write, publish }) => {
      const { userId, username, displayName } = firstProfile(data)
      write(sql`
      insert into users_profiles (user_id, username, display_name, created_at)
      values (${userId}, ${username}, ${displayName}, ${now()}) on conflict do nothing`)
      await publish(UserProfileCreated, { userId, displayName })
    },
  )
}
