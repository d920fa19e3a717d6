import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { defineSaga, step } from '../sagas/define-saga.ts'
import { sagaScenario } from './saga-scenario.ts'

interface User {
  readonly userId: string
}
const key = (user: User): string => user.userId
const Registered = defineEvent<User>('user.registered', { key })
const MailRequested = defineEvent<User>('mail.requested', { key })
const MailSent = defineEvent<User>('mail.sent', { key })
const MailCancelled = defineEvent<User>('mail.cancelled', { key })
const user = { userId: 'u-1' }

const welcome = defineSaga('welcome', {
  startsWith: Registered,
  timeout: '10m',
  steps: [
    step('mail', {
      run: (saga) => saga.publish(MailRequested, { userId: saga.key }),
      waitFor: { event: MailSent },
      compensate: (saga) => saga.publish(MailCancelled, { userId: saga.key }),
    }),
  ],
})

describe('the scenario of a saga', { timeout: 60_000 }, () => {
  it('tells what is published, and where the saga stands', async () => {
    await sagaScenario(welcome)
      .when(Registered.create(user))
      .expect({ status: 'running', steps: { mail: 'waiting' }, published: [MailRequested.create(user)] })
    await sagaScenario(welcome)
      .given(Registered.create(user))
      .when(MailSent.create(user))
      .expect({ status: 'done', published: [] })
    await sagaScenario(welcome)
      .given(Registered.create(user))
      .after('11m')
      .expect({ status: 'compensated', published: [MailCancelled.create(user)] })
  })

  it('tells the state of one that reacts', async () => {
    const counting = defineSaga('counting', {
      startsWith: Registered,
      state: () => ({ sent: 0 }),
      reacts: (on) => [on(MailSent, (state) => ({ sent: state.sent + 1 }))],
    })
    await sagaScenario(counting)
      .given(Registered.create(user), MailSent.create(user))
      .when(MailSent.create(user))
      .expect({ state: { sent: 2 }, status: 'running' })
  })

  it('says what is otherwise', async () => {
    const scenario = sagaScenario(welcome).when(Registered.create(user))
    await expect(scenario.expect({ status: 'done', published: [], steps: { mail: 'done' } })).rejects.toThrow(
      /Expected status "done", got "running".*step mail "done", got "waiting".*to be published \[\], got .*mail.requested/s,
    )
  })
})
