import type { Service } from '@tidings/service'
import { answersAboutUsers } from '@tidings-services/auth/contract'

import { forgetUser } from './handlers/forget-user.ts'
import { recordEvents } from './handlers/record-events.ts'
import { recordLogins } from './handlers/record-logins.ts'
import { tellData } from './handlers/tell-data.ts'
import { auditRoutes } from './http/audit.ts'
import { migrations } from './migrations.ts'

/** The trail of all events. It publishes only what every service answers about a user, so it has no contract. */
export const audit: Service = {
  name: 'audit',
  events: answersAboutUsers,
  migrations,
  attach(world) {
    recordEvents(world.bus, world.now)
    recordLogins(world.bus)
    forgetUser(world.bus, world.now)
    tellData(world.bus, world.store)
    return { routes: (app) => auditRoutes(app, world) }
  },
}
