import { expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { defineSaga, step } from './define-saga.ts'
import { readSaga, type SagaDocument, sagaId, sagasCollection } from './saga-document.ts'

const CartFilled = defineEvent<{ readonly user: string }>('cart.filled', { key: ({ user }) => user })
const Reminded = defineEvent<{ readonly user: string }>('cart.reminded', { key: ({ user }) => user })

it('has timers and keys of its own where the key is used again after `keep`', async () => {
  await using world = await createTestBus()
  const { bus, clock, store } = world
  const holds: string[] = []
  bus.use(
    defineSaga('cart', {
      startsWith: CartFilled,
      keep: '1m',
      timeout: 'never',
      state: () => ({}),
      reacts: (on) => [
        on(CartFilled, async (_state, _event, saga) => {
          saga.after('remind', '2m')
          await saga.effect('hold', (key) => void holds.push(key))
        }),
      ],
      timers: {
        async remind(_state, saga) {
          await saga.publish(Reminded, { user: saga.key })
          saga.done()
        },
      },
    }),
  )
  for (let day = 1; day <= 2; day++) {
    await bus.publish(CartFilled, { user: 'u-1' })
    await bus.settled()
    await clock.advance('5m')
    expect(world.published(Reminded)).toHaveLength(day)
    expect(await store.find(sagasCollection)).toEqual([])
  }
  expect(new Set(holds).size).toBe(2)
})

it('retries a step, and waits no longer than it should, in a saga whose key is used again', async () => {
  await using world = await createTestBus()
  const { bus, clock, store } = world
  const keys: string[] = []
  let fails = false
  bus.use(
    defineSaga('reminder', {
      startsWith: CartFilled,
      keep: '1m',
      timeout: 'never',
      steps: [
        step('call', {
          run(saga) {
            keys.push(saga.stepId)
            fails = !fails
            if (fails) throw new Error('away')
          },
          retry: { tries: 2, backoff: ['10s'] },
        }),
        step('wait', { run: () => {}, waitFor: { event: Reminded, timeout: '10s' } }),
      ],
    }),
  )
  for (const day of [1, 2]) {
    await bus.publish(CartFilled, { user: 'u-1' })
    await clock.advance('40s')
    await bus.settled()
    const [document] = await store.find(sagasCollection)
    expect(readSaga(document as never).status, `day ${day}`).toBe('compensated')
    await clock.advance('5m')
    expect(await store.find(sagasCollection)).toEqual([])
  }
  expect(keys).toHaveLength(4)
  expect(new Set(keys).size).toBe(2)
})

it.each([
  [
    'an earlier release',
    {},
    'zeSlQIcZjWInadSSbwy3MX-YpdXsr97hdJ_k1YN_d3A',
    'saga-ja81oeecIIai-Y75GiD7EuVEmKbMmlreMaHYapUxN14',
  ],
  [
    'this one',
    { named: 'start' as const },
    'Bbzb9SQS8hmUgtHoobdROMwlKcBRCX1jNiXGlE1To7Q',
    'saga-4REWBxeh1wj3Zl1GEZ2cw-0JWqBJ1TosWKcbbzAXWko',
  ],
])('keeps the keys and timers of a saga that %s has begun', async (_release, named, callKey, timer) => {
  const store = memoryStore()
  const now = 1_767_225_600_000
  const document: SagaDocument = {
    format: 1,
    saga: 'reminder',
    version: 1,
    tenant: '',
    key: 'u-1',
    run: 1,
    status: 'running',
    startedAt: now,
    changedAt: now,
    startedBy: '/app/start-1',
    data: { user: 'u-1' },
    steps: { call: { is: 'running', tries: 1, by: '/app/start-1', since: now } },
    results: {},
    heard: {},
    begun: [],
    early: [],
    applied: ['/app/start-1'],
    timers: {},
    seq: 0,
    history: [],
    forgotten: 0,
    ...named,
  }
  await store.commit([{ documents: [{ collection: 'sagas', id: sagaId(document), put: JSON.stringify(document) }] }])
  await using world = await createTestBus({ store })
  const keys: string[] = []
  world.bus.use(
    defineSaga('reminder', {
      startsWith: CartFilled,
      timeout: 'never',
      steps: [
        step('call', { run: (saga) => void keys.push(saga.stepId) }),
        step('wait', { run: () => {}, waitFor: { event: Reminded, timeout: '10s' } }),
      ],
    }),
  )
  // Its process has died while it called: whoever takes over calls under the very key, and names timers as that one would.
  await world.bus.publish(CartFilled, { user: 'u-1' }, { id: 'start-1' })
  await world.bus.settled()
  expect(keys).toEqual([callKey])
  expect((await store.find('timers')).map(({ id }) => id)).toEqual([`/app/${timer}`])
  await world.clock.advance('15s')
  expect(await world.store.find('timers')).toEqual([])
})
