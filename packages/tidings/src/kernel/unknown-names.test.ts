import { expect, it } from 'vitest'

import { decide } from '../aggregates/decide.ts'
import { defineAggregate } from '../aggregates/define-aggregate.ts'
import { createEventBus } from '../bus/create-event-bus.ts'
import type { EventBus } from '../bus/event-bus.ts'
import { runWithContext } from '../events/ambient-context.ts'
import { defineEvent } from '../events/define-event.ts'
import { documents } from '../projections/collection.ts'
import { defineProjection } from '../projections/define-projection.ts'
import { createReplay } from '../replay/create-replay.ts'
import { defineSaga, step } from '../sagas/define-saga.ts'
import { defineSchedule } from '../schedules/define-schedule.ts'
import { createTestBus } from '../testing/create-test-bus.ts'

const Placed = defineEvent<{ readonly id: string }>('order.placed')
const Kept = defineAggregate('order', { initial: {}, evolve: (state) => state })

type Door = (bus: EventBus, wrong: never) => unknown

const publish: Door = (bus, wrong) => bus.publish(Placed, { id: 'a' }, wrong)
const draft: Door = (bus, wrong) => bus.publish(Placed.create({ id: 'a' }, wrong))
const batch: Door = (bus, wrong) => bus.publish([Placed.create({ id: 'a' }), Placed.create({ id: 'b' })], wrong)
const subscribe: Door = (bus, wrong) => bus.subscribe(Placed, { name: 'a', ...(wrong as object) }, () => {})
const create: Door = (_, wrong) => createEventBus({ url: 'memory:', ...(wrong as object) })
const createBridged: Door = (_, wrong) =>
  createEventBus({ url: 'memory:', transport: { open: () => undefined } as never, ...(wrong as object) })
const defines: Door = (_, wrong) => defineEvent('order.placed', wrong)
const aggregate: Door = (_, wrong) =>
  defineAggregate('order', { initial: {}, evolve: (state) => state, ...(wrong as object) })
const decides: Door = (bus, wrong) => decide(bus, Kept, 'a', () => undefined, wrong)
const projection: Door = (_, wrong) =>
  defineProjection('orders', {
    version: 1,
    documents: { orders: documents<{ readonly id: string }>() },
    on: (on) => [on(Placed, () => {})],
    ...(wrong as object),
  })
const saga: Door = (_, wrong) =>
  defineSaga('order', { startsWith: Placed, steps: [step('pay', { run: () => {} })], ...(wrong as object) })
const reacting: Door = (_, wrong) =>
  defineSaga('order', {
    startsWith: Placed,
    state: () => ({}),
    reacts: (on) => [on(Placed, () => {})],
    ...(wrong as object),
  })
const steps: Door = (_, wrong) =>
  defineSaga('order', { startsWith: Placed, steps: [step('pay', { run: () => {}, ...(wrong as object) })] })
const schedule: Door = (_, wrong) =>
  defineSchedule('nightly', { cron: '@daily', publish: () => Placed.create({ id: 'a' }), ...(wrong as object) })
const replay: Door = (bus, wrong) => createReplay(bus, wrong)
const surroundings: Door = (bus, wrong) => runWithContext(wrong, () => bus.publish(Placed, { id: 'a' }))

it.each<[string, Door, object, string, string | undefined]>([
  ['publish', publish, { idd: 'x' }, 'idd', 'id'],
  ['publish', publish, { userid: 'x' }, 'userid', 'userId'],
  ['publish', publish, { idempotencyKey: 'x' }, 'idempotencyKey', undefined],
  ['publish', publish, { dedupeKey: 'x' }, 'dedupeKey', 'dedupKey'],
  ['publish later', publish, { delay: '1s', tenant: 'x' }, 'tenant', 'tenantId'],
  [
    'publish what is expected',
    publish,
    { expect: [{ category: 'a', key: 'b', version: 0, tenant: 'x' }] },
    'expect[0].tenant',
    'expect[0].tenantId',
  ],
  ['publish of a batch', batch, { ID: 'x' }, 'ID', 'id'],
  ['the context of a draft', draft, { tenantID: 'x' }, 'context.tenantID', 'context.tenantId'],
  ['the context of a draft, where a name belongs to publish', draft, { timestamp: 1 }, 'context.timestamp', undefined],
  ['the surroundings', surroundings, { tenantid: 'x' }, 'tenantid', 'tenantId'],
  ['subscribe', subscribe, { retries: 3 }, 'retries', 'retry'],
  ['subscribe', subscribe, { timeoutMs: 3 }, 'timeoutMs', 'timeout'],
  ['subscribe', subscribe, { retry: { backoff: { intial: 3 } } }, 'retry.backoff.intial', 'retry.backoff.initial'],
  ['createEventBus', create, { logger: console }, 'logger', 'log'],
  ['createEventBus, transport', create, { transport: { pol: 10 } }, 'transport.pol', 'transport.poll'],
  ['createEventBus, relay', createBridged, { relay: { batches: 10 } }, 'relay.batches', 'relay.batch'],
  ['createEventBus, inbox', createBridged, { inbox: { windw: 10 } }, 'inbox.windw', 'inbox.window'],
  ['defineEvent', defines, { keys: () => 'a' }, 'keys', 'key'],
  [
    'defineEvent, sensitive',
    defines,
    { sensitive: { subject: () => 'a', fields: {}, field: {} } },
    'sensitive.field',
    'sensitive.fields',
  ],
  ['defineAggregate', aggregate, { snapshots: { every: 10 } }, 'snapshots', 'snapshot'],
  [
    'defineAggregate, snapshot',
    aggregate,
    { snapshot: { every: 10, saves: () => {} } },
    'snapshot.saves',
    'snapshot.save',
  ],
  ['decide', decides, { commandID: 'x' }, 'commandID', 'commandId'],
  ['defineProjection', projection, { index: {} }, 'index', 'indexes'],
  ['defineProjection', projection, { retries: { tries: 3 } }, 'retries', 'retry'],
  ['defineSaga', saga, { startWith: Placed }, 'startWith', 'startsWith'],
  ['defineSaga that reacts', reacting, { timer: {} }, 'timer', 'timers'],
  ['a step of a saga', steps, { compensates: () => {} }, 'pay.compensates', 'pay.compensate'],
  [
    'what a step waits for',
    steps,
    { waitFor: { event: Placed, timeoutMs: 3 } },
    'pay.waitFor.timeoutMs',
    'pay.waitFor.timeout',
  ],
  ['how a step is tried again', steps, { retry: { retries: 3 } }, 'pay.retry.retries', undefined],
  ['defineSchedule', schedule, { timeZone: 'UTC' }, 'timeZone', 'timezone'],
  ['replay', replay, { into: 'a', type: ['a'] }, 'type', 'types'],
])('%s refuses a name that there is none of, and says what was meant: %#', async (_, door, wrong, name, meant) => {
  await using world = await createTestBus()
  const refused = await (async () => door(world.bus, wrong as never))().catch((error: unknown) => error)
  expect(refused).toMatchObject({ code: 'TIDINGS_INVALID_OPTION' })
  const { message } = refused as Error
  expect(message).toContain(
    meant === undefined
      ? `There is no option \`${name}\`.`
      : `There is no option \`${name}\`; did you mean \`${meant}\`?`,
  )
  expect(world.published()).toEqual([])
})

it.each([
  ['a handler', { expectedVersion: 1 }],
  ['a handler', { idd: 'x' }],
])(
  'a publish within the unit of %s refuses what only a publish of its own takes, and unknown names',
  async (_, stamp) => {
    await using world = await createTestBus()
    const { bus, published, parked } = world
    bus.subscribe(Placed, { name: 'a', retry: { tries: 1 } }, async (_event, { publish: also }) => {
      await also(defineEvent('order.billed'), {}, stamp as never)
    })
    await bus.publish(Placed, { id: 'a' })
    await bus.settled()
    expect(published('order.billed')).toEqual([])
    expect(parked('a')).toMatchObject([{ error: { code: 'TIDINGS_INVALID_OPTION' } }])
  },
)

it('names from the prototype of options are nobody’s options, and an absent value is no option', async () => {
  await using world = await createTestBus()
  class Base {
    get tenantID(): string {
      return 'x'
    }
  }
  await world.bus.publish(
    Placed,
    { id: 'a' },
    Object.assign(Object.create({ idd: 1 }) as object, { id: 'x', idd: undefined }),
  )
  await world.bus.publish(Placed, { id: 'a' }, new Base() as never)
  const hostile = JSON.parse('{"__proto__": 1}') as never
  await expect(world.bus.publish(Placed, { id: 'a' }, hostile)).rejects.toMatchObject({
    code: 'TIDINGS_INVALID_OPTION',
  })
  const constructed = { constructor: 'x' } as never
  await expect(world.bus.publish(Placed, { id: 'a' }, constructed)).rejects.toMatchObject({
    code: 'TIDINGS_INVALID_OPTION',
  })
  expect(world.published()).toHaveLength(2)
})
