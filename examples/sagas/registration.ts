// #region events
import { defineEvent, defineSaga, parallel, step } from 'tidings'
import { z } from 'zod'

const user = z.object({ userId: z.string() })
const key = (data: { readonly userId: string }): string => data.userId

export const UserRegistered = defineEvent('user.registered', { schema: user.extend({ email: z.email() }), key })
export const ProfileRequested = defineEvent('user.profile.requested', { schema: user, key })
export const ProfileCreated = defineEvent('user.profile.created', { schema: user, key })
export const ProfileWithdrawn = defineEvent('user.profile.withdrawn', { schema: user, key })
export const MailRequested = defineEvent('mail.requested', { schema: user.extend({ to: z.email() }), key })
export const MailSent = defineEvent('mail.sent', { schema: user, key })
// #endregion events

/** Another company's service. */
export interface Preferences {
  setDefaults(userId: string, options: { readonly idempotencyKey: string }): Promise<{ readonly theme: string }>
  remove(userId: string, options: { readonly idempotencyKey: string }): Promise<void>
}

// #region saga
export function userRegistration(preferences: Preferences) {
  return defineSaga('user-registration', {
    startsWith: UserRegistered,
    correlate: (event) => event.data.userId as string,
    timeout: '1h',
    steps: [
      step('profile', {
        run: (saga) => saga.publish(ProfileRequested, { userId: saga.key }),
        waitFor: { event: ProfileCreated, timeout: '5m' },
        compensate: (saga) => saga.publish(ProfileWithdrawn, { userId: saga.key }),
      }),
      parallel(
        step('preferences', {
          run: (saga) => preferences.setDefaults(saga.key, { idempotencyKey: saga.stepId }),
          compensate: (saga) => preferences.remove(saga.key, { idempotencyKey: saga.stepId }),
          retry: { tries: 5, backoff: ['1s', '10s', '1m'] },
        }),
        step('welcome mail', {
          run: (saga) => saga.publish(MailRequested, { userId: saga.key, to: saga.data.email }),
          waitFor: { event: MailSent },
        }),
      ),
    ],
  })
}
// #endregion saga

// #region reacts
export const onboarding = defineSaga('onboarding', {
  startsWith: UserRegistered,
  timeout: 'never',
  state: () => ({ mails: 0, active: false }),
  reacts: (on) => [
    on(UserRegistered, (_state, _event, saga) => saga.after('nudge', '3d')),
    on(ProfileCreated, (state, _event, saga) => {
      saga.stop('nudge')
      saga.done()
      return { ...state, active: true }
    }),
  ],
  timers: {
    async nudge(state, saga) {
      await saga.publish(MailRequested, { userId: saga.key, to: saga.data.email })
      if (state.mails < 2) saga.after('nudge', '7d')
      else saga.done()
      return { ...state, mails: state.mails + 1 }
    },
  },
})
// #endregion reacts
