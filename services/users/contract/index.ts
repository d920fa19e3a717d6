import type { AnyEventDefinition } from 'tidings'

import { UserPreferencesSet } from './user-preferences-set.ts'
import { UserProfileCreated } from './user-profile-created.ts'

export { UserPreferencesSet, UserProfileCreated }

/** All that users publishes. */
export const usersEvents: readonly AnyEventDefinition[] = [UserPreferencesSet, UserProfileCreated]
