import type { AnyEventDefinition } from 'tidings'

import { UserProfileCreated } from './user-profile-created.ts'

export { UserProfileCreated }

/** All that users publishes. */
export const usersEvents: readonly AnyEventDefinition[] = [UserProfileCreated]
