import type { AnyEventDefinition } from 'tidings'

import { AccountLocked } from './account-locked.ts'
import { LoginFailed } from './login-failed.ts'
import { UserLoggedIn } from './user-logged-in.ts'
import { UserLoggedOut } from './user-logged-out.ts'
import { UserRegistered } from './user-registered.ts'

export { AccountLocked, LoginFailed, UserLoggedIn, UserLoggedOut, UserRegistered }

/** All that auth publishes. */
export const authEvents: readonly AnyEventDefinition[] = [
  AccountLocked,
  LoginFailed,
  UserLoggedIn,
  UserLoggedOut,
  UserRegistered,
]
