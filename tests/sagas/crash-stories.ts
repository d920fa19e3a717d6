import { defineEvent, defineSaga, operationsOn, parallel, type SagaDetail, step } from 'tidings'
import type { CrashEverywhereOptions, TestWorld } from 'tidings/testing'
import { expect } from 'vitest'

interface Order {
  readonly orderId: string
}
const key = (order: Order): string => order.orderId
const OrderPlaced = defineEvent<Order>('order.placed', { key })
const StockRequested = defineEvent<Order>('stock.requested', { key })
const StockReserved = defineEvent<Order>('stock.reserved', { key })
const StockReleased = defineEvent<Order>('stock.released', { key })
const OrderShipped = defineEvent<Order>('order.shipped', { key })

/** The world outside: it counts calls by idempotency key, and outlives every process. */
export class Receiver {
  readonly calls: Record<string, Record<string, number>> = {}
  call(name: string, idempotencyKey: string): void {
    const keys = (this.calls[name] ??= {})
    keys[idempotencyKey] = (keys[idempotencyKey] ?? 0) + 1
  }
}

/** Looks past the faults. */
async function theSaga({ store, clock }: TestWorld): Promise<SagaDetail | undefined> {
  const { sagas } = operationsOn(store, { runtime: clock.runtime })
  const [found] = (await sagas.list()).items
  return found === undefined ? undefined : sagas.show(found)
}

/** Where each step stands. */
async function stepsOf(world: TestWorld): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries((await theSaga(world))?.steps.map(({ name, is }) => [name, is]) ?? [])
}

const act = ({ bus }: TestWorld): unknown => bus.publish(OrderPlaced, { orderId: 'o-1' }, { id: 'start-1' })

function expectCalls(story: Receiver, names: readonly string[], crashes: number): void {
  expect(Object.keys(story.calls).toSorted()).toEqual(names.toSorted())
  for (const [name, keys] of Object.entries(story.calls)) {
    expect(Object.keys(keys), name).toHaveLength(1)
    expect(Math.max(...Object.values(keys)), `${name}: calls`).toBeLessThanOrEqual(1 + crashes)
  }
}

/** Another service of the same process: it answers what the saga asks. */
function answering({ bus }: TestWorld): void {
  bus.subscribe(StockRequested, { name: 'stock' }, (event, { publish }) =>
    publish(StockReserved, { orderId: event.data.orderId }, { id: `reserved-${event.id}` }),
  )
}

type Story = Pick<CrashEverywhereOptions<Receiver>, 'prepare' | 'act' | 'done' | 'check'>

/** What is told, and what must be so wherever a process dies or an answer is lost. */
export const crashStories: Readonly<Record<string, Story>> = {
  'runs every step once': {
    prepare(world, story) {
      answering(world)
      world.bus.use(
        defineSaga('fulfilment', {
          startsWith: OrderPlaced,
          steps: [
            step('reserve', {
              run: (saga) => saga.publish(StockRequested, { orderId: saga.key }),
              waitFor: { event: StockReserved, timeout: '10m' },
            }),
            parallel(
              step('charge', { run: (saga) => story.call('charge', saga.stepId) }),
              step('book', { run: (saga) => story.call('book', saga.stepId) }),
            ),
            step('ship', { run: (saga) => saga.publish(OrderShipped, { orderId: saga.key }) }),
          ],
        }),
      )
    },
    act,
    done: async (world) => (await theSaga(world))?.status === 'done',
    check(world, story, place) {
      expectCalls(story, ['charge', 'book'], place?.crashes ?? 0)
      for (const event of [OrderPlaced, StockRequested, StockReserved, OrderShipped])
        expect(world.published(event), event.type).toHaveLength(1)
    },
  },

  'takes one event for one step, and not for the next that waits for its like': {
    prepare(world, story) {
      answering(world)
      world.bus.use(
        defineSaga('patience', {
          startsWith: OrderPlaced,
          steps: [
            step('first', {
              run: (saga) => saga.publish(StockRequested, { orderId: saga.key }),
              waitFor: { event: StockReserved },
            }),
            step('second', {
              run: (saga) => story.call('ask again', saga.stepId),
              waitFor: { event: StockReserved },
            }),
          ],
        }),
      )
    },
    act,
    done: async (world) => (await stepsOf(world)).second === 'waiting',
    async check(world, story, place) {
      expectCalls(story, ['ask again'], place?.crashes ?? 0)
      expect(await stepsOf(world)).toEqual({ first: 'done', second: 'waiting' })
      expect((await theSaga(world))?.early).toEqual([])
    },
  },

  'takes every step back once, the last that began first': {
    prepare(world, story) {
      world.bus.use(
        defineSaga('fulfilment', {
          startsWith: OrderPlaced,
          steps: [
            step('reserve', {
              run: (saga) => saga.publish(StockRequested, { orderId: saga.key }),
              compensate: (saga) => saga.publish(StockReleased, { orderId: saga.key }),
            }),
            step('charge', {
              run: (saga) => story.call('charge', saga.stepId),
              compensate: (saga) => story.call('refund', saga.stepId),
            }),
            step('ship', {
              run: () => {},
              waitFor: { event: OrderShipped, timeout: '300ms' },
              compensate: (saga) => story.call('recall', saga.stepId),
            }),
          ],
        }),
      )
    },
    act,
    done: async (world) => (await theSaga(world))?.status === 'compensated',
    async check(world, story, place) {
      expectCalls(story, ['charge', 'refund', 'recall'], place?.crashes ?? 0)
      expect(Object.keys(story.calls).slice(-2)).toEqual(['recall', 'refund'])
      expect(world.published(StockRequested)).toHaveLength(1)
      expect(world.published(StockReleased)).toHaveLength(1)
      expect(await stepsOf(world)).toEqual({ reserve: 'undone', charge: 'undone', ship: 'undone' })
      expect(await world.store.find('timers')).toEqual([])
    },
  },

  'keeps state, effects and events of reactions together': {
    prepare(world, story) {
      answering(world)
      world.bus.use(
        defineSaga('process', {
          startsWith: OrderPlaced,
          state: () => ({ reserved: 0, reminded: 0 }),
          reacts: (on) => [
            on(OrderPlaced, async (state, event, saga) => {
              await saga.effect('charge', (idempotencyKey) => story.call('charge', idempotencyKey))
              await saga.publish(StockRequested, { orderId: event.data.orderId })
              saga.after('remind', '300ms')
              return state
            }),
            on(StockReserved, (state) => ({ ...state, reserved: state.reserved + 1 })),
          ],
          timers: {
            async remind(state, saga) {
              await saga.effect('ship', (idempotencyKey) => {
                story.call('ship', idempotencyKey)
                return 'tracking-1'
              })
              if (state.reserved === 0) {
                saga.after('remind', '300ms')
                return state
              }
              saga.fail('changed our mind')
              return { ...state, reminded: state.reminded + 1 }
            },
          },
          compensate: { charge: (saga) => story.call('refund', saga.stepId) },
        }),
      )
    },
    act,
    done: async (world) => (await theSaga(world))?.status === 'compensated',
    async check(world, story, place) {
      expectCalls(story, ['charge', 'ship', 'refund'], place?.crashes ?? 0)
      const saga = await theSaga(world)
      expect(saga).toMatchObject({
        state: { reserved: 1, reminded: 1 },
        reason: { what: 'failed', message: 'changed our mind' },
      })
      expect(saga?.steps.find(({ name }) => name === 'ship')?.result).toBe('tracking-1')
      expect(world.published(StockRequested)).toHaveLength(1)
      expect(world.published(StockReserved)).toHaveLength(1)
    },
  },
}
