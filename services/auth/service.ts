import type { Service } from '@tidings/service'

import { type AuthOptions, authDefaults } from './auth-options.ts'
import { authEvents } from './contract/index.ts'
import { noteRegistration } from './handlers/note-registration.ts'
import { deletionRoutes } from './http/deletion.ts'
import { exportRoutes } from './http/export.ts'
import { loginRoute } from './http/login.ts'
import { loginsRoute } from './http/logins.ts'
import { passwordResetRoutes } from './http/password-reset.ts'
import { registerRoute } from './http/register.ts'
import { registrationRoute } from './http/registration.ts'
import { sessionRoutes } from './http/session.ts'
import { migrations } from './migrations.ts'
import { loginHistory } from './read-models/login-history.ts'
import { dataExportSaga } from './sagas/data-export.ts'
import { passwordResetSaga } from './sagas/password-reset.ts'
import { registrationSaga } from './sagas/registration.ts'
import { userDeletionSaga } from './sagas/user-deletion.ts'

/** Accounts, sessions, the lock against guessing, and the flows that begin with an account: they cross all services, and auth owns them. */
export function authWith(options: Partial<AuthOptions> = {}): Service {
  const patience = { ...authDefaults, ...options }
  return {
    name: 'auth',
    events: authEvents,
    migrations,
    attach(world) {
      const { bus, now } = world
      noteRegistration(bus, now)
      bus.use(loginHistory)
      bus.use(registrationSaga(world, patience))
      bus.use(userDeletionSaga(world, patience))
      bus.use(passwordResetSaga(world, patience))
      bus.use(dataExportSaga(world, patience))
      return {
        routes(app) {
          registerRoute(app, world)
          registrationRoute(app, world)
          loginRoute(app, world)
          sessionRoutes(app, world)
          loginsRoute(app, world)
          deletionRoutes(app, world)
          passwordResetRoutes(app, world)
          exportRoutes(app, world)
        },
      }
    },
  }
}

export type { AuthOptions } from './auth-options.ts'

/** The same with its defaults. */
export const auth: Service = authWith()
