import type { Service } from '@tidings/service'

import { authEvents } from './contract/index.ts'
import { markProfileCreated } from './handlers/mark-profile-created.ts'
import { loginRoute } from './http/login.ts'
import { registerRoute } from './http/register.ts'
import { sessionRoutes } from './http/session.ts'
import { migrations } from './migrations.ts'

/** Accounts, sessions, and the lock against guessing. */
export const auth: Service = {
  name: 'auth',
  events: authEvents,
  migrations,
  attach(world) {
    markProfileCreated(world.bus)
    return {
      routes(app) {
        registerRoute(app, world)
        loginRoute(app, world)
        sessionRoutes(app, world)
      },
    }
  },
}
