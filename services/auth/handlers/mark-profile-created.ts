import { UserProfileCreated } from '@tidings-services/users/contract'
import { type EventBus, sql } from 'tidings'

/** Notes with the account that its profile exists. */
export function markProfileCreated(bus: EventBus): void {
  bus.subscribe(UserProfileCreated, { name: 'auth.profile-created', from: 'beginning' }, ({ data }, { write }) =>
    write(sql`update auth_users set profile_created = 1 where user_id = ${data.userId}`),
  )
}
