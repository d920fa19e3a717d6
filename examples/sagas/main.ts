import { setTimeout } from 'node:timers/promises'

import { createEventBus, operationsOf } from 'tidings'

import {
  MailRequested,
  MailSent,
  ProfileCreated,
  ProfileRequested,
  UserRegistered,
  userRegistration,
} from './registration.ts'

const preferences = {
  setDefaults: async () => ({ theme: 'dark' }),
  remove: async () => console.log('preferences removed'),
}

// #region use
const bus = await createEventBus({ url: 'sqlite:./users.db' })
bus.use(userRegistration(preferences))
await bus.start()
// #endregion use

// Other services answer, this time in the same process.
bus.subscribe(ProfileRequested, { name: 'profiles' }, ({ data }, { publish }) =>
  data.userId === 'u-2' ? undefined : publish(ProfileCreated, { userId: data.userId }),
)
bus.subscribe(MailRequested, { name: 'mails' }, ({ data }, { publish }) => publish(MailSent, { userId: data.userId }))

const operations = operationsOf(bus)
const becomes = async (key: string, status: string): Promise<void> => {
  const stands = async (): Promise<string | undefined> =>
    (await operations.sagas.list({ saga: 'user-registration', key })).items[0]?.status
  while ((await stands()) !== status) await setTimeout(10)
  console.log(`${key} is ${status}`)
}

await bus.publish(UserRegistered, { userId: 'u-1', email: 'ada@example.com' })
await becomes('u-1', 'done')

await bus.publish(UserRegistered, { userId: 'u-2', email: 'bob@example.com' })
await becomes('u-2', 'running')
const profile = async (): Promise<string | undefined> =>
  (await operations.sagas.show({ saga: 'user-registration', key: 'u-2' })).steps[0]?.is
while ((await profile()) !== 'waiting') await setTimeout(10)

// #region operate
const waiting = await operations.sagas.show({ saga: 'user-registration', key: 'u-2' })
console.log(waiting.steps.map(({ name, is }) => `${name}: ${is}`).join(', '))

await operations.sagas.cancel({ saga: 'user-registration', key: 'u-2' }, { by: 'ada', why: 'asked by phone' })
// #endregion operate
await becomes('u-2', 'compensated')

await bus.close()
