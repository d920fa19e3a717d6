import type { Service } from '@tidings/service'

import { usersEvents } from './contract/index.ts'
import { createProfile } from './handlers/create-profile.ts'
import { profileRoute } from './http/profile.ts'
import { migrations } from './migrations.ts'

/** Profiles of those who have registered. */
export const users: Service = {
  name: 'users',
  events: usersEvents,
  migrations,
  attach(world) {
    createProfile(world.bus, world.now)
    return { routes: (app) => profileRoute(app, world) }
  },
}
