// #region scenario
import { crashEverywhere, sagaScenario } from 'tidings/testing'
import { expect, it } from 'vitest'

import {
  MailRequested,
  MailSent,
  ProfileCreated,
  ProfileWithdrawn,
  UserRegistered,
  userRegistration,
} from './registration.ts'

const preferences = { setDefaults: async () => ({ theme: 'dark' }), remove: async () => {} }
const user = { userId: 'u-1' }
const registered = UserRegistered.create({ ...user, email: 'ada@example.com' })

it('asks for the mail once there is a profile', async () => {
  await sagaScenario(userRegistration(preferences))
    .given(registered)
    .when(ProfileCreated.create(user))
    .expect({
      status: 'running',
      steps: { preferences: 'done', 'welcome mail': 'waiting' },
      published: [MailRequested.create({ ...user, to: 'ada@example.com' })],
    })
})

it('withdraws the profile when it does not come in time', async () => {
  await sagaScenario(userRegistration(preferences))
    .given(registered)
    .after('6m')
    .expect({ status: 'compensated', published: [ProfileWithdrawn.create(user)] })
})
// #endregion scenario

// #region crash
it('sets the preferences once, wherever a process dies', { timeout: 60_000 }, async () => {
  await crashEverywhere({
    story: () => new Map<string, number>(),
    prepare({ bus }, calls) {
      const setDefaults = async (_id: string, { idempotencyKey }: { readonly idempotencyKey: string }) => {
        calls.set(idempotencyKey, (calls.get(idempotencyKey) ?? 0) + 1)
        return { theme: 'dark' }
      }
      bus.use(userRegistration({ ...preferences, setDefaults }))
    },
    async act({ bus }) {
      await bus.publish(registered, { id: 'registered-1' })
      await bus.publish(ProfileCreated, user, { id: 'profile-1' })
      await bus.publish(MailSent, user, { id: 'mail-1' })
    },
    done: async ({ store }) => (await store.find('sagas')).some(({ body }) => body.includes('"status":"done"')),
    check(_world, calls, place) {
      expect([...calls.keys()]).toHaveLength(1)
      expect(Math.max(...calls.values())).toBeLessThanOrEqual(1 + (place?.crashes ?? 0))
    },
  })
})
// #endregion crash
