import { readdirSync, readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { operationsOf } from '../operations/operations.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import { createTestBus, type TestWorld } from '../testing/create-test-bus.ts'
import { defineSaga, type SagaDefinition, type StepSagaOptions, step } from './define-saga.ts'
import { readSaga, type SagaDocument, sagaId } from './saga-document.ts'

interface Order {
  readonly orderId: string
}
const key = (order: Order): string => order.orderId
const OrderPlaced = defineEvent<Order>('order.placed', { key })
const OrderPaid = defineEvent<Order & { readonly amount?: number }>('order.paid', { key })

/** What the sagas of the golden files have been begun by. Its steps may be added to, as those of users are; the files stay. */
function goldenSaga(
  calls: string[],
  more: Partial<StepSagaOptions<Order>> & { readonly broken?: () => boolean } = {},
): SagaDefinition {
  const { broken = () => false, ...options } = more
  const call = (name: string) => (): string => {
    calls.push(name)
    if (broken()) throw new Error(`${name} is broken`)
    return name
  }
  return defineSaga('golden', {
    startsWith: OrderPlaced,
    steps: [
      step('reserve', {
        run: call('reserve'),
        compensate: call('release'),
        retry: { tries: 3, backoff: ['1h'] },
        retryCompensation: { tries: 2, backoff: ['1h'] },
      }),
      step('pay', { run: call('ask'), waitFor: { event: OrderPaid, timeout: '10m' } }),
      step('ship', { run: call('ship') }),
    ],
    ...options,
  })
}

function goldenReactions(): SagaDefinition {
  return defineSaga('golden-reacting', {
    startsWith: OrderPlaced,
    state: () => ({ paid: 0 }),
    reacts: (on) => [
      on(OrderPlaced, async (_state, _event, saga) => {
        await saga.effect('greet', () => 'hello')
        saga.after('remind', '1h')
      }),
      on(OrderPaid, (state, { data }, saga) => {
        if (state.paid + (data.amount ?? 0) >= 10) saga.done()
        return { paid: state.paid + (data.amount ?? 0) }
      }),
    ],
    timers: { remind: () => {} },
    compensate: { greet: () => {} },
  })
}

const folder = new URL('golden/', import.meta.url)
const golden = (name: string): SagaDocument =>
  readSaga({ id: name, body: readFileSync(new URL(`${name}.json`, folder), 'utf8') })
const later = { tenantId: 'acme' }
const name = { saga: 'golden', key: 'o-1', tenant: 'acme' }

/** A bus on a store that has this saga, as an earlier release has left it. */
async function worldWith(file: string, saga: SagaDefinition): Promise<TestWorld> {
  const store = memoryStore()
  const document = golden(file)
  await store.commit([{ documents: [{ collection: 'sagas', id: sagaId(document), put: JSON.stringify(document) }] }])
  // Another seed, or the ids of this life would be those of the earlier one.
  const world = await createTestBus({ store, seed: 99 })
  world.bus.use(saga)
  await world.bus.start()
  return world
}

async function statusOf(world: TestWorld, saga = 'golden'): Promise<string> {
  await world.bus.settled()
  expect(world.parked()).toEqual([])
  return (await operationsOf(world.bus).sagas.show({ ...name, saga })).status
}

/** What each file goes on with, and what it comes to. */
const stories: Readonly<
  Record<string, readonly [go: (world: TestWorld) => Promise<unknown>, status: string, calls: readonly string[]]>
> = {
  early: [({ bus }) => bus.publish(OrderPlaced, { orderId: 'o-1' }, later), 'done', ['reserve', 'ask', 'ship']],
  running: [
    ({ bus }) => bus.publish(OrderPlaced, { orderId: 'o-1' }, { ...later, id: 'start-1' }),
    'running',
    ['reserve', 'ask'],
  ],
  waiting: [({ bus }) => bus.publish(OrderPaid, { orderId: 'o-1' }, later), 'done', ['ship']],
  retrying: [({ bus }) => operationsOf(bus).sagas.retry(name), 'running', ['reserve', 'ask']],
  compensating: [({ bus }) => operationsOf(bus).sagas.retry(name), 'compensated', ['release']],
  stuck: [({ bus }) => operationsOf(bus).sagas.resume(name), 'compensated', ['release']],
  done: [({ bus }) => bus.publish(OrderPaid, { orderId: 'o-1' }, later), 'done', []],
  compensated: [({ bus }) => bus.publish(OrderPaid, { orderId: 'o-1' }, later), 'compensated', []],
  reacting: [({ bus }) => bus.publish(OrderPaid, { orderId: 'o-1', amount: 8 }, later), 'done', []],
}

describe('sagas that an earlier release has left', () => {
  it('are told of all', () => {
    expect(readdirSync(folder).toSorted()).toEqual(
      Object.keys(stories)
        .map((one) => `${one}.json`)
        .toSorted(),
    )
  })

  it.each(Object.entries(stories))('%s goes on', async (file, [go, status, expected]) => {
    const calls: string[] = []
    const isReacting = file === 'reacting'
    await using world = await worldWith(file, isReacting ? goldenReactions() : goldenSaga(calls))
    await go(world)
    expect(await statusOf(world, isReacting ? 'golden-reacting' : 'golden')).toBe(status)
    expect(calls).toEqual(expected)
  })
})

describe('a new version of a definition', () => {
  const run = (calls: string[], called: string) => () => void calls.push(called)
  const pay = step('pay', { run: () => {}, waitFor: { event: OrderPaid } })

  it('goes on with sagas under way: steps are known by name, added ones run where they still can', async () => {
    const calls: string[] = []
    await using world = await worldWith(
      'waiting',
      goldenSaga(calls, {
        version: 2,
        steps: [
          step('greet', { run: run(calls, 'greet') }),
          step('reserve', { run: run(calls, 'reserve') }),
          pay,
          step('pack', { run: run(calls, 'pack') }),
          step('ship', { run: run(calls, 'ship') }),
          step('thank', { run: run(calls, 'thank') }),
        ],
      }),
    )
    await world.bus.publish(OrderPaid, { orderId: 'o-1' }, later)
    expect(await statusOf(world)).toBe('done')
    expect(calls).toEqual(['pack', 'ship', 'thank'])
    const { steps, version } = await operationsOf(world.bus).sagas.show(name)
    expect(steps.find((one) => one.name === 'greet')?.is).toBe('skipped')
    expect(version).toBe(2)
  })

  it('runs both sagas of the old version and of its own to their ends', async () => {
    const calls: string[] = []
    await using world = await worldWith('waiting', goldenSaga(calls, { version: 2 }))
    await world.bus.publish(OrderPlaced, { orderId: 'o-2' }, later)
    for (const orderId of ['o-1', 'o-2']) await world.bus.publish(OrderPaid, { orderId }, later)
    await world.bus.settled()
    const { items } = await operationsOf(world.bus).sagas.list()
    expect(items.map(({ key: one, status }) => [one, status])).toEqual([
      ['o-1', 'done'],
      ['o-2', 'done'],
    ])
  })

  it('is refused at the start where it has lost a step that sagas under way have begun', async () => {
    const store = memoryStore()
    const first = await createTestBus({ store })
    first.bus.use(goldenSaga([]))
    await first.bus.publish(OrderPlaced, { orderId: 'o-1' }, later)
    await first.bus.settled()
    await first.close()
    await using second = await createTestBus({ store })
    second.bus.use(goldenSaga([], { version: 2, steps: [pay] }))
    await expect(second.bus.start()).rejects.toMatchObject({
      code: 'TIDINGS_SAGA_CHANGED',
      details: { saga: 'golden', step: 'reserve' },
    })
  })

  it('may lose and rename steps where it migrates what was begun', async () => {
    const calls: string[] = []
    await using world = await worldWith(
      'waiting',
      goldenSaga(calls, {
        version: 2,
        steps: [
          step('payment', { run: () => {}, waitFor: { event: OrderPaid } }),
          step('ship', { run: run(calls, 'ship') }),
        ],
        migrate: ({ steps: { reserve: _reserve, pay: payment, ...steps }, ...rest }) => ({
          ...rest,
          steps: { ...steps, payment },
          begun: [],
        }),
      }),
    )
    await world.bus.publish(OrderPaid, { orderId: 'o-1' }, later)
    expect(await statusOf(world)).toBe('done')
    expect(calls).toEqual(['ship'])
  })

  it('leaves alone what a later version has begun, until somebody knows it', async () => {
    await using world = await worldWith('waiting', goldenSaga([], { steps: [pay] }))
    await world.bus.publish(OrderPaid, { orderId: 'o-1' }, later)
    await world.bus.settled()
    expect(world.parked()).toMatchObject([{ state: 'upgrade' }])
  })
})
