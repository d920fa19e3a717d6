import type { Service } from '@tidings/service'
import { answersAboutUsers } from '@tidings-services/auth/contract'

import { usersEvents } from './contract/index.ts'
import { createProfile } from './handlers/create-profile.ts'
import { forgetUser } from './handlers/forget-user.ts'
import { setFirstPreferences } from './handlers/set-first-preferences.ts'
import { tellData } from './handlers/tell-data.ts'
import { directoryRoute } from './http/directory.ts'
import { preferencesRoutes } from './http/preferences.ts'
import { profileRoute } from './http/profile.ts'
import { migrations } from './migrations.ts'
import { directory } from './read-models/directory.ts'

/** Profiles and preferences of those who have registered. */
export const users: Service = {
  name: 'users',
  events: [...usersEvents, ...answersAboutUsers],
  migrations,
  attach(world) {
    createProfile(world.bus, world.now)
    setFirstPreferences(world.bus, world.now)
    forgetUser(world.bus, world.now)
    tellData(world.bus, world.store)
    world.bus.use(directory)
    return {
      routes(app) {
        directoryRoute(app, world)
        profileRoute(app, world)
        preferencesRoutes(app, world)
      },
    }
  },
}
