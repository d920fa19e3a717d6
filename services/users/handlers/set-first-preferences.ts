import { PreferencesRequested } from '@tidings-services/auth/contract'
import type { EventBus } from 'tidings'

import { UserPreferencesSet } from '../contract/user-preferences-set.ts'
import { firstPreferences } from '../domain/preferences.ts'

/** Gives somebody who registers the preferences that everybody begins with. What was chosen meanwhile stays. */
export function setFirstPreferences(bus: EventBus, now: () => number): void {
  bus.subscribe(
    PreferencesRequested,
    { name: 'users.preferences', from: 'beginning' },
    async ({ data: { userId } }, { tx, publish }) => {
      const [gone] = await tx.sql`select user_id from users_erased where user_id = ${userId}`
      if (gone !== undefined) return
      const { language, theme, newsletter } = firstPreferences
      await tx.sql`
        insert into users_preferences (user_id, language, theme, newsletter, changed_at)
        values (${userId}, ${language}, ${theme}, ${newsletter ? 1 : 0}, ${now()}) on conflict do nothing`
      await publish(UserPreferencesSet, { userId, defaults: true })
    },
  )
}
