import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { PermanentError, UnavailableError } from '../kernel/errors.ts'
import { operationsOf } from '../operations/operations.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import { createTestBus, type TestWorld } from '../testing/create-test-bus.ts'
import { defineSaga, parallel, step } from './define-saga.ts'
import { readSaga, type SagaDocument, sagasCollection } from './saga-document.ts'

interface User {
  readonly userId: string
}
const key = (data: User): string => data.userId
const UserRegistered = defineEvent<User & { readonly email: string }>('user.registered', { key })
const ProfileRequested = defineEvent<User>('profile.requested', { key })
const ProfileCreated = defineEvent<User & { readonly profileId?: string }>('profile.created', { key })
const ProfileWithdrawn = defineEvent<User>('profile.withdrawn', { key })
const MailRequested = defineEvent<User>('mail.requested', { key })
const MailSent = defineEvent<User>('mail.sent', { key })
const start = { userId: 'u-1', email: 'ada@example.com' }
const correlate = (event: { readonly data: User }): string => event.data.userId

/** Calls outside, by key. */
class Receiver {
  readonly calls: string[] = []
  readonly keys = new Map<string, number>()
  call(name: string, idempotencyKey: string): void {
    this.calls.push(name)
    this.keys.set(`${name} ${idempotencyKey}`, (this.keys.get(`${name} ${idempotencyKey}`) ?? 0) + 1)
  }
}

function registration(receiver: Receiver, more: { readonly version?: number } = {}) {
  return defineSaga('registration', {
    ...more,
    startsWith: UserRegistered,
    correlate,
    steps: [
      step('profile', {
        run: (saga) => saga.publish(ProfileRequested, { userId: saga.key }),
        waitFor: { event: ProfileCreated, timeout: '5m' },
        compensate: (saga) => saga.publish(ProfileWithdrawn, { userId: saga.key }),
      }),
      parallel(
        step('preferences', {
          run(saga) {
            receiver.call('preferences', saga.stepId)
            return { theme: 'dark' }
          },
          compensate: (saga) => receiver.call('undo preferences', saga.stepId),
        }),
        step('mail', {
          run: (saga) => saga.publish(MailRequested, { userId: saga.key }),
          waitFor: { event: MailSent },
        }),
      ),
    ],
  })
}

async function sagas(world: TestWorld): Promise<readonly SagaDocument[]> {
  return (await world.store.find(sagasCollection)).map(readSaga)
}

async function theSaga(world: TestWorld): Promise<SagaDocument> {
  const [saga] = await sagas(world)
  return saga as SagaDocument
}

async function timers(world: TestWorld): Promise<number> {
  return (await world.store.find('timers')).length
}

describe('a saga of steps', { timeout: 60_000 }, () => {
  it('runs its steps in order, waits for their events, and ends done', async () => {
    await using world = await createTestBus()
    const receiver = new Receiver()
    world.bus.use(registration(receiver))
    await world.bus.publish(UserRegistered, start, { tenantId: 'acme', correlationId: 'c-1' })
    await world.bus.settled()
    expect(await theSaga(world)).toMatchObject({
      status: 'running',
      key: 'u-1',
      tenant: 'acme',
      steps: { profile: { is: 'waiting' } },
      timers: { saga: { what: 'saga' }, 'wait:profile': { what: 'wait' } },
    })
    expect(world.published(ProfileRequested)[0]?.context).toMatchObject({ tenantId: 'acme', correlationId: 'c-1' })
    await world.bus.publish(ProfileCreated, { userId: 'u-1', profileId: 'p-7' }, { tenantId: 'acme' })
    await world.bus.settled()
    expect(receiver.calls).toEqual(['preferences'])
    await world.bus.publish(MailSent, { userId: 'u-1' }, { tenantId: 'acme' })
    await world.bus.settled()
    expect(await theSaga(world)).toMatchObject({
      status: 'done',
      results: { preferences: { theme: 'dark' } },
      heard: { profile: { userId: 'u-1', profileId: 'p-7' } },
      timers: {},
    })
    expect(await timers(world)).toBe(0)
    expect(world.published().map(({ type }) => type)).toEqual([
      'user.registered',
      'profile.requested',
      'profile.created',
      'mail.requested',
      'mail.sent',
    ])
  })

  it('compensates in reverse order when what it waits for does not come in time', async () => {
    await using world = await createTestBus()
    const receiver = new Receiver()
    world.bus.use(registration(receiver))
    await world.bus.publish(UserRegistered, start)
    await world.bus.publish(ProfileCreated, start)
    await world.bus.settled()
    await world.clock.advance('59m')
    expect((await theSaga(world)).status).toBe('running')
    await world.clock.advance('2m')
    await world.bus.settled()
    expect(await theSaga(world)).toMatchObject({
      status: 'compensated',
      reason: { what: 'timeout' },
      steps: { profile: { is: 'undone' }, preferences: { is: 'undone' }, mail: { is: 'stopped' } },
    })
    expect(receiver.calls).toEqual(['preferences', 'undo preferences'])
    expect(world.published(ProfileWithdrawn)).toHaveLength(1)
    expect(await timers(world)).toBe(0)
  })

  it('fails a step alone by the timeout of what it waits for', async () => {
    await using world = await createTestBus()
    world.bus.use(registration(new Receiver()))
    await world.bus.publish(UserRegistered, start)
    await world.bus.settled()
    await world.clock.advance('6m')
    await world.bus.settled()
    expect(await theSaga(world)).toMatchObject({ status: 'compensated', reason: { what: 'timeout', step: 'profile' } })
  })

  it('remembers events that come before their step waits for them, and before the saga begins', async () => {
    await using world = await createTestBus()
    world.bus.use(registration(new Receiver()))
    await world.bus.publish(MailSent, { userId: 'u-1' })
    await world.bus.settled()
    expect(await theSaga(world)).toMatchObject({ status: 'early', early: [{ type: 'mail.sent' }] })
    await world.bus.publish(UserRegistered, start)
    await world.bus.publish(ProfileCreated, start)
    await world.bus.settled()
    expect(await theSaga(world)).toMatchObject({ status: 'done', run: 1 })
  })

  it('forgets an event that no saga ever began for, and a saga that ended long ago', async () => {
    await using world = await createTestBus()
    world.bus.use(registration(new Receiver()))
    await world.bus.publish(MailSent, { userId: 'u-1' })
    await world.bus.settled()
    await world.clock.advance('62m')
    expect(await sagas(world)).toEqual([])
    await world.bus.publish(UserRegistered, start)
    await world.bus.publish(ProfileCreated, start)
    await world.bus.publish(MailSent, start)
    await world.bus.settled()
    expect((await theSaga(world)).status).toBe('done')
    world.clock.jump(31 * 86_400_000)
    await world.clock.advance('1m')
    expect(await sagas(world)).toEqual([])
  })

  it('takes two starts of one key for one saga, and begins another once the first has ended', async () => {
    await using world = await createTestBus()
    world.bus.use(registration(new Receiver()))
    await world.bus.publish(UserRegistered, start)
    await world.bus.publish(UserRegistered, start)
    await world.bus.settled()
    expect(world.published(ProfileRequested)).toHaveLength(1)
    await world.bus.publish(ProfileCreated, start)
    await world.bus.publish(MailSent, start)
    await world.bus.settled()
    expect(await theSaga(world)).toMatchObject({ status: 'done', run: 1 })
    await world.bus.publish(UserRegistered, start)
    await world.bus.settled()
    expect(await theSaga(world)).toMatchObject({ status: 'running', run: 2, steps: { profile: { is: 'waiting' } } })
    expect(world.published(ProfileRequested)).toHaveLength(2)
  })

  it('never hits a later saga of the same key by a timer of an earlier one', async () => {
    await using world = await createTestBus()
    world.bus.use(registration(new Receiver()))
    await world.bus.publish(UserRegistered, start)
    await world.bus.settled()
    const [timer] = (await world.store.find('timers')).filter(({ body }) => body.includes('wait:profile'))
    await world.bus.publish(ProfileCreated, start)
    await world.bus.publish(MailSent, start)
    await world.bus.settled()
    await world.bus.publish(UserRegistered, start)
    await world.bus.settled()
    // As if it had been taken back too late: its event is out already.
    const due = JSON.parse(timer?.body as string) as { record: { data: string } }
    const { due: DueEvent } = (await import('./saga-events.ts')).sagaEvents('registration')
    await world.bus.publish(DueEvent, JSON.parse(due.record.data) as never)
    await world.bus.settled()
    expect(await theSaga(world)).toMatchObject({ status: 'running', run: 2, steps: { profile: { is: 'waiting' } } })
  })

  it('ignores events for a saga that has ended', async () => {
    await using world = await createTestBus()
    world.bus.use(registration(new Receiver()))
    for (const event of [UserRegistered, ProfileCreated, MailSent]) await world.bus.publish(event.create(start))
    await world.bus.settled()
    const before = await theSaga(world)
    expect(before.status).toBe('done')
    await world.bus.publish(MailSent, start)
    await world.bus.settled()
    expect(await theSaga(world)).toEqual(before)
    expect(world.parked()).toEqual([])
  })

  it('tries a step that throws again, durably, and compensates after the last try', async () => {
    await using world = await createTestBus()
    const receiver = new Receiver()
    let failures = 0
    const saga = defineSaga('order', {
      startsWith: UserRegistered,
      correlate,
      steps: [
        step('reserve', { run: () => 'r-1', compensate: (one) => receiver.call('release', one.stepId) }),
        step('charge', {
          run(one) {
            receiver.call('charge', one.stepId)
            failures++
            throw new Error(`declined ${one.attempt}`)
          },
          compensate: (one) => receiver.call('refund', one.stepId),
          retry: { tries: 3, backoff: ['10s', '1m'] },
        }),
      ],
    })
    world.bus.use(saga)
    await world.bus.publish(UserRegistered, start)
    await world.bus.settled()
    expect((await theSaga(world)).steps).toMatchObject({
      reserve: { is: 'done' },
      charge: { is: 'retrying', tries: 1, error: 'declined 1' },
    })
    await world.clock.advance('11s')
    expect(failures).toBe(2)
    await world.clock.advance('61s')
    await world.bus.settled()
    expect(await theSaga(world)).toMatchObject({
      status: 'compensated',
      reason: { what: 'step', step: 'charge', message: 'declined 3' },
    })
    expect(receiver.calls).toEqual(['charge', 'charge', 'charge', 'refund', 'release'])
    expect(receiver.keys.size).toBe(3)
  })

  it('compensates at once for a PermanentError, and spends no try on what cannot be reached', async () => {
    await using world = await createTestBus()
    let away = 20
    const saga = defineSaga('order', {
      startsWith: UserRegistered,
      correlate,
      steps: [
        step('charge', {
          run() {
            if (away-- > 0) throw new UnavailableError('bank away')
            throw new PermanentError('no such account')
          },
          retry: { tries: 2, backoff: ['1s'] },
        }),
      ],
    })
    world.bus.use(saga)
    await world.bus.publish(UserRegistered, start)
    await world.clock.advance('40s')
    await world.bus.settled()
    expect(away).toBe(-1)
    expect(await theSaga(world)).toMatchObject({ status: 'compensated', reason: { message: 'no such account' } })
  })

  it('is stuck when a compensation fails for good, and goes on when an operator resumes it', async () => {
    const lines: unknown[] = []
    const counted: string[] = []
    await using world = await createTestBus({
      log: (level, text, about) => void (level === 'error' && lines.push([text, about])),
      meter: {
        counter: (name, labels) => ({ add: (by) => void counted.push(`${name} ${labels?.outcome ?? ''} ${by}`) }),
        gauge: () => {},
        histogram: () => ({ record: () => {} }),
      },
    })
    let broken = true
    const saga = defineSaga('order', {
      startsWith: UserRegistered,
      correlate,
      steps: [
        step('reserve', {
          run: () => 'r-1',
          compensate() {
            if (broken) throw new Error('warehouse says no')
          },
          retryCompensation: { tries: 2, backoff: ['1s'] },
        }),
        step('charge', {
          run() {
            throw new PermanentError('declined')
          },
        }),
      ],
    })
    world.bus.use(saga)
    await world.bus.publish(UserRegistered, start)
    await world.clock.advance('5s')
    await world.bus.settled()
    expect(await theSaga(world)).toMatchObject({
      status: 'stuck',
      steps: { reserve: { is: 'undo-failed', tries: 2, error: 'warehouse says no' } },
    })
    expect(lines).toEqual([
      [expect.stringContaining('stuck'), { saga: 'order', key: 'u-1', tenant: '', run: 1, step: 'reserve' }],
    ])
    expect(counted).toContain('tidings.sagas.ended stuck 1')
    expect((await operationsOf(world.bus).status()).findings).toMatchObject([
      { level: 'bad', about: 'stuck-sagas', subscription: 'saga.order' },
    ])
    broken = false
    const { sagas: operate } = operationsOf(world.bus)
    await operate.resume({ saga: 'order', key: 'u-1' }, { by: 'ada' })
    await world.bus.settled()
    expect((await theSaga(world)).status).toBe('compensated')
  })

  it('gives a timeout that races a completion one winner', async () => {
    let timedOut = 0
    for (let seed = 1; seed <= 30; seed++) {
      await using world = await createTestBus({ seed, faults: [{ what: 'delay', chance: 0.5, takes: [1, 30] }] })
      const saga = defineSaga('race', {
        startsWith: UserRegistered,
        correlate,
        steps: [
          step('ask', {
            run: () => {},
            waitFor: { event: ProfileCreated, timeout: '1s' },
            compensate: (one) => one.publish(ProfileWithdrawn, { userId: one.key }),
          }),
          step('tell', { run: (one) => one.publish(MailRequested, { userId: one.key }) }),
        ],
      })
      world.bus.use(saga)
      const starting = world.bus.publish(UserRegistered, start)
      await world.clock.advance('200ms')
      await starting
      await world.clock.advance(700 + 12 * seed)
      const racing = world.bus.publish(ProfileCreated, start)
      await world.clock.advance('5s')
      await racing
      const { status } = await theSaga(world)
      if (status === 'compensated') timedOut++
      expect(['done', 'compensated'], `seed ${seed}`).toContain(status)
      expect(world.published(ProfileWithdrawn), `seed ${seed}`).toHaveLength(status === 'done' ? 0 : 1)
      expect(world.published(MailRequested), `seed ${seed}`).toHaveLength(status === 'done' ? 1 : 0)
    }
    // Both must have won, or the race was none.
    expect(timedOut).toBeGreaterThan(2)
    expect(timedOut).toBeLessThan(28)
  })

  it('gives up a step that takes longer than its timeout', async () => {
    await using world = await createTestBus()
    let aborted = false
    const saga = defineSaga('order', {
      startsWith: UserRegistered,
      correlate,
      steps: [
        step('charge', {
          timeout: '5s',
          retry: { tries: 1 },
          run: ({ signal }) => new Promise(() => signal.addEventListener('abort', () => (aborted = true))),
        }),
      ],
    })
    world.bus.use(saga)
    await world.bus.publish(UserRegistered, start)
    await world.clock.advance('6s')
    await world.bus.settled()
    expect(aborted).toBe(true)
    expect(await theSaga(world)).toMatchObject({ status: 'compensated', reason: { step: 'charge' } })
  })

  it('lets an operator take up a call whose process is gone and whose event does not come again', async () => {
    const store = memoryStore()
    const first = await createTestBus({ store })
    first.bus.use(
      defineSaga('order', {
        startsWith: UserRegistered,
        correlate,
        timeout: '1d',
        steps: [step('charge', { run: () => new Promise(() => {}), retry: { tries: 1 } })],
      }),
    )
    await first.bus.start()
    void first.bus.publish(UserRegistered, start)
    await first.clock.advance('1s')
    first.faults.crash()
    // Somebody has taken the event out of the saga's way.
    const keys: string[] = []
    await using second = await createTestBus({ store, seed: 2, start: first.clock.now() })
    second.bus.use(
      defineSaga('order', {
        startsWith: UserRegistered,
        correlate: (event) => (event.type === 'user.registered' ? undefined : event.key),
        steps: [step('charge', { run: ({ stepId }) => void keys.push(stepId) })],
      }),
    )
    await second.bus.start()
    await second.clock.advance('20s')
    const { sagas: operate } = operationsOf(second.bus)
    await operate.retry({ saga: 'order', key: 'u-1' })
    await second.bus.settled()
    expect(keys).toEqual([])
    await second.clock.advance('2m')
    await operate.retry({ saga: 'order', key: 'u-1' })
    await second.bus.settled()
    expect(keys).toHaveLength(1)
    expect((await theSaga(second)).status).toBe('done')
  })

  it('keeps its timers to itself: programs neither see nor cancel them, operators see them', async () => {
    await using world = await createTestBus()
    world.bus.use(registration(new Receiver()))
    await world.bus.publish(UserRegistered, start)
    await world.bus.publish(MailSent, { userId: 'u-9' }, { delay: '2h' })
    await world.bus.settled()
    expect((await world.bus.timers.list()).map(({ type }) => type)).toEqual(['mail.sent'])
    const all = await operationsOf(world.bus).timers.list()
    expect(all.map(({ type }) => type)).toEqual([
      'tidings.saga.registration.due',
      'tidings.saga.registration.due',
      'mail.sent',
    ])
    await expect(world.bus.timers.cancel(all[0]?.id ?? '')).rejects.toMatchObject({ code: 'TIDINGS_NOT_SUPPORTED' })
  })

  it('hides its own events from wildcards, whoever asks', async () => {
    await using world = await createTestBus()
    const seen: string[] = []
    world.bus.subscribe('**', { name: 'all' }, (event) => void seen.push(event.type))
    world.bus.subscribe('tidings.**', { name: 'inside' }, (event) => void seen.push(event.type))
    world.bus.use(registration(new Receiver()))
    await world.bus.publish(UserRegistered, start)
    await world.clock.advance('6m')
    await world.bus.settled()
    expect(seen).toEqual(['user.registered', 'profile.requested', 'tidings.saga.registration.due', 'profile.withdrawn'])
  })
})
