import type { Service } from '@tidings/service'

import { recordEvents } from './handlers/record-events.ts'
import { recordLogins } from './handlers/record-logins.ts'
import { auditRoutes } from './http/audit.ts'
import { migrations } from './migrations.ts'

/** The trail of all events. It publishes none, so it has no contract. */
export const audit: Service = {
  name: 'audit',
  events: [],
  migrations,
  attach(world) {
    recordEvents(world.bus, world.now)
    recordLogins(world.bus)
    return { routes: (app) => auditRoutes(app, world) }
  },
}
