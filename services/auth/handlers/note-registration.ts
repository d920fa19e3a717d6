import { UserMailSent } from '@tidings-services/notifications/contract'
import { UserPreferencesSet, UserProfileCreated } from '@tidings-services/users/contract'
import { type EventBus, sql } from 'tidings'

/** Notes how far a registration has come, for whoever asks. */
export function noteRegistration(bus: EventBus, now: () => number): void {
  bus.subscribe(
    UserProfileCreated,
    { name: 'auth.profile-created', from: 'beginning' },
    ({ data: { userId } }, { write }) => {
      write(sql`update auth_users set profile_created = 1 where user_id = ${userId}`)
      write(sql`update auth_registrations set profile_at = coalesce(profile_at, ${now()}) where user_id = ${userId}`)
    },
  )
  bus.subscribe(
    UserPreferencesSet,
    { name: 'auth.preferences-set', from: 'beginning' },
    ({ data: { userId } }, { write }) =>
      write(sql`
        update auth_registrations set preferences_at = coalesce(preferences_at, ${now()}) where user_id = ${userId}`),
  )
  bus.subscribe(
    UserMailSent,
    { name: 'auth.welcome-sent', from: 'beginning' },
    ({ data: { userId, kind } }, { write }) => {
      if (kind !== 'welcome') return
      write(sql`update auth_registrations set mail_at = coalesce(mail_at, ${now()}) where user_id = ${userId}`)
    },
  )
}
