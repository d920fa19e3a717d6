import type { ServiceWorld } from '@tidings/service'
import { UserMailRefused, UserMailSent } from '@tidings-services/notifications/contract'
import { UserPreferencesSet, UserProfileCreated } from '@tidings-services/users/contract'
import { defineSaga, PermanentError, type SagaDefinition, sql, step } from 'tidings'

import type { AuthOptions } from '../auth-options.ts'
import {
  PreferencesRequested,
  ProfileRequested,
  ProfileWithdrawn,
  RegistrationBegun,
  RegistrationCompleted,
  RegistrationFailed,
} from '../contract/registration-flow.ts'
import { UserMailRequested } from '../contract/user-mail-requested.ts'

/**
 * Makes of a fresh account all that it should be: profile, preferences, what analytics counts, the mail of welcome; one saga a user. A profile or preferences
 * that do not come in time take all of it back: the account is marked as failed and holds nothing personal any more, its address is free again, a mail says so.
 * From the moment an account is complete nothing takes it back: a mail server that is away only delays the welcome.
 */
export function registrationSaga(
  { store, now }: Pick<ServiceWorld, 'store' | 'now'>,
  { registrationStep }: Pick<AuthOptions, 'registrationStep'>,
): SagaDefinition {
  return defineSaga('registration', {
    description: 'Profile, preferences and welcome for whoever registers',
    startsWith: RegistrationBegun,
    correlate: ({ type, data, key }) => (isMail(type) && data.kind !== 'welcome' ? undefined : key),
    timeout: 'never',
    steps: [
      step('account', {
        // It is there already, made together with the event that begins this; what is left is to know how to take it back.
        run: () => {},
        async compensate(saga) {
          const userId = saga.key
          const [account] = await store.query(sql`select state from auth_users where user_id = ${userId}`)
          // Whoever has asked to be forgotten meanwhile is the deletion's, and gets no mail of this.
          if (account?.state !== 'registering') return
          saga.write(sql`
            update auth_users set state = 'failed', email = ${`failed:${userId}`}, username = ${`failed:${userId}`}, password = ''
            where user_id = ${userId} and state = 'registering'`)
          saga.write(sql`delete from auth_sessions where user_id = ${userId}`)
          saga.write(sql`delete from auth_password_resets where user_id = ${userId}`)
          saga.write(sql`
            update auth_registrations set status = 'failed', ended_at = ${now()} where user_id = ${userId}`)
          await saga.publish(RegistrationFailed, { userId })
          await saga.publish(UserMailRequested, { userId, flowId: userId, kind: 'registration-failed' })
        },
      }),
      step('profile', {
        async run(saga) {
          const userId = saga.key
          const [row] = await store.query(
            sql`select username from auth_users where user_id = ${userId} and state = 'registering'`,
          )
          if (row === undefined) throw new PermanentError('There is no such account any more.')
          await saga.publish(ProfileRequested, { userId, username: row.username as string })
        },
        waitFor: { event: UserProfileCreated, timeout: registrationStep },
        compensate: (saga) => saga.publish(ProfileWithdrawn, { userId: saga.key }).then(() => {}),
      }),
      step('preferences', {
        run: (saga) => saga.publish(PreferencesRequested, { userId: saga.key }).then(() => {}),
        waitFor: { event: UserPreferencesSet, timeout: registrationStep },
      }),
      step('completed', {
        async run(saga) {
          const userId = saga.key
          const [row] = await store.query(sql`select began_at from auth_registrations where user_id = ${userId}`)
          const milliseconds = Math.max(0, now() - Number(row?.began_at ?? now()))
          saga.write(sql`update auth_users set state = 'active' where user_id = ${userId} and state = 'registering'`)
          saga.write(sql`
            update auth_registrations set status = 'completed', ended_at = ${now()} where user_id = ${userId}`)
          await saga.publish(RegistrationCompleted, { userId, milliseconds })
        },
        retry: { tries: 1_000 },
      }),
      step('welcome mail', {
        run: (saga) =>
          saga.publish(UserMailRequested, { userId: saga.key, flowId: saga.key, kind: 'welcome' }).then(() => {}),
        waitFor: { event: [UserMailSent, UserMailRefused] },
        retry: { tries: 1_000 },
      }),
    ],
  })
}

function isMail(type: string): boolean {
  return type === UserMailSent.type || type === UserMailRefused.type
}
