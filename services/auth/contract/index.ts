import { SealingKeyRequested } from '@tidings-services/notifications/contract'
import type { AnyEventDefinition } from 'tidings'

import { AccountLocked } from './account-locked.ts'
import {
  DataExportCompleted,
  DataExportExpired,
  DataExportRequested,
  DataPartsRequested,
  UserDataCollected,
} from './data-export.ts'
import { LoginFailed } from './login-failed.ts'
import { PasswordResetConfirmed, PasswordResetExpired, PasswordResetRequested } from './password-reset.ts'
import {
  PreferencesRequested,
  ProfileRequested,
  ProfileWithdrawn,
  RegistrationBegun,
  RegistrationCompleted,
  RegistrationFailed,
} from './registration-flow.ts'
import { ErasureRequested, UserDeleted, UserDeletionRequested, UserDeletionStuck, UserErased } from './user-deletion.ts'
import { UserLoggedIn } from './user-logged-in.ts'
import { UserLoggedOut } from './user-logged-out.ts'
import { UserMailRequested } from './user-mail-requested.ts'
import { UserRegistered } from './user-registered.ts'

export { dataParts } from './data-parts.ts'
export { type MailKind, mailKinds } from './user-mail-requested.ts'
export {
  AccountLocked,
  DataExportCompleted,
  DataExportExpired,
  DataExportRequested,
  DataPartsRequested,
  ErasureRequested,
  LoginFailed,
  PasswordResetConfirmed,
  PasswordResetExpired,
  PasswordResetRequested,
  PreferencesRequested,
  ProfileRequested,
  ProfileWithdrawn,
  RegistrationBegun,
  RegistrationCompleted,
  RegistrationFailed,
  UserDataCollected,
  UserDeleted,
  UserDeletionRequested,
  UserDeletionStuck,
  UserErased,
  UserLoggedIn,
  UserLoggedOut,
  UserMailRequested,
  UserRegistered,
}

/** What every service that holds something of a user answers with. They publish it too, so it belongs to none of them alone. */
export const answersAboutUsers: readonly AnyEventDefinition[] = [UserDataCollected, UserErased]

/** All that auth publishes. */
export const authEvents: readonly AnyEventDefinition[] = [
  AccountLocked,
  DataExportCompleted,
  DataExportExpired,
  DataExportRequested,
  DataPartsRequested,
  ErasureRequested,
  LoginFailed,
  PasswordResetConfirmed,
  PasswordResetExpired,
  PasswordResetRequested,
  PreferencesRequested,
  ProfileRequested,
  ProfileWithdrawn,
  RegistrationBegun,
  RegistrationCompleted,
  RegistrationFailed,
  SealingKeyRequested,
  ...answersAboutUsers,
  UserDeleted,
  UserDeletionRequested,
  UserDeletionStuck,
  UserLoggedIn,
  UserLoggedOut,
  UserMailRequested,
  UserRegistered,
]
