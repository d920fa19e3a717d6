import { afterEach, describe, expect, it } from 'vitest'

import { createEventBus } from '../bus/create-event-bus.ts'
import type { EventBus } from '../bus/event-bus.ts'
import { defineEvent } from '../events/define-event.ts'
import { PermanentError, TidingsError } from '../kernel/errors.ts'
import type { Meter } from '../kernel/meter.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { Store } from '../store/store.ts'
import { busStatus, reasonsNotReady } from './bus-status.ts'
import { statusGauges } from './status-gauges.ts'

const OrderPlaced = defineEvent('order.placed', { key: (order: unknown) => (order as { id: string }).id })

const runtime = virtualRuntime({ seed: 11 })
const open: EventBus[] = []

async function bus(store: Store): Promise<EventBus> {
  const made = await createEventBus({ runtime, store, source: '/shop' })
  open.push(made)
  return made
}

afterEach(async () => {
  for (const one of open.splice(0)) {
    const closing = one.close()
    await runtime.advance(30_000)
    await closing
  }
})

describe('the status of a bus', () => {
  it('says that a bus has not started, and that it has', async () => {
    const shop = await bus(memoryStore())
    shop.subscribe(OrderPlaced, { name: 'stock' }, () => {})
    expect(reasonsNotReady(await busStatus(shop))).toEqual(['/shop: the bus is new, not started'])
    await shop.start()
    await runtime.advance(10)
    const status = await busStatus(shop)
    expect(reasonsNotReady(status)).toEqual([])
    expect(status).toMatchObject({
      source: '/shop',
      phase: 'started',
      store: { name: 'memory', reachable: true, head: 0 },
    })
    expect(status.subscriptions).toEqual([
      expect.objectContaining({
        name: 'stock',
        types: ['order.placed'],
        started: true,
        running: 0,
        parked: 0,
        paused: [],
        breaker: 'closed',
        lag: 0,
      }),
    ])
  })

  it('counts parked events, and names a subscription that has halted', async () => {
    const shop = await bus(memoryStore())
    const refuse = (): never => {
      throw new PermanentError('no')
    }
    shop.subscribe(OrderPlaced, { name: 'parks' }, refuse)
    shop.subscribe(OrderPlaced, { name: 'halts', onPoison: 'halt' }, refuse)
    await shop.start()
    await shop.publish([OrderPlaced.create({ id: 'a' }), OrderPlaced.create({ id: 'a' })])
    await runtime.advance(1_000)
    const status = await busStatus(shop)
    expect(status.subscriptions[0]).toMatchObject({ name: 'parks', parked: 2, blockedStreams: 1, lag: 0 })
    expect(status.subscriptions[1]).toMatchObject({ name: 'halts', paused: ['halted'], lag: 2 })
    expect(reasonsNotReady(status)).toEqual(['/shop: subscription halts has halted at an event it cannot handle'])
  })

  it('reports a store that refuses and one that never answers, and does not wait for ever', async () => {
    const store = memoryStore()
    const away: { how: 'refuses' | 'hangs' | undefined } = { how: undefined }
    const faulty: Store = Object.assign(Object.create(store) as Store, {
      capabilities: store.capabilities,
      readAll: (query: Parameters<Store['readAll']>[0]) => {
        if (away.how === 'refuses') return Promise.reject(new TidingsError('TIDINGS_STORE_UNAVAILABLE', 'gone'))
        return away.how === 'hangs' ? new Promise<never>(() => {}) : store.readAll(query)
      },
      commit: (units: Parameters<Store['commit']>[0]) => store.commit(units),
      find: (collection: string, query: Parameters<Store['find']>[1]) => store.find(collection, query),
      watch: (wake: () => void) => store.watch(wake),
      close: () => store.close(),
    })
    const shop = await bus(faulty)
    await shop.start()
    away.how = 'refuses'
    expect(reasonsNotReady(await busStatus(shop))).toEqual([
      '/shop: the memory store is away (TIDINGS_STORE_UNAVAILABLE)',
    ])
    away.how = 'hangs'
    const asked = busStatus(shop, { patience: '500ms' })
    await runtime.advance(500)
    expect((await asked).store).toEqual({ name: 'memory', reachable: false, code: 'TIDINGS_DEADLINE' })
    away.how = undefined
  })

  it('fills gauges by looking', async () => {
    const gauges = new Map<string, () => number>()
    const meter: Meter = {
      counter: () => ({ add() {} }),
      histogram: () => ({ record() {} }),
      gauge: (name, read, labels = {}) => void gauges.set([name, ...Object.values(labels)].join(' '), read),
    }
    const shop = await bus(memoryStore())
    shop.subscribe(
      OrderPlaced,
      { name: 'stock', concurrency: 4 },
      () => new Promise((resolve) => runtime.setTimer(100, () => resolve(undefined))),
    )
    const look = statusGauges(shop, meter)
    await look()
    expect(gauges.get('tidings.bus.ready')?.()).toBe(0)
    await shop.start()
    await shop.publish([
      OrderPlaced.create({ id: 'a' }),
      OrderPlaced.create({ id: 'b' }),
      OrderPlaced.create({ id: 'b' }),
    ])
    await runtime.advance(10)
    await look()
    const value = (name: string): number | undefined => gauges.get(`${name} stock`)?.()
    expect(gauges.get('tidings.bus.ready')?.()).toBe(1)
    expect(value('tidings.subscription.running')).toBe(2)
    expect(value('tidings.subscription.utilization')).toBe(0.5)
    expect(value('tidings.subscription.lag')).toBe(3)
    await runtime.advance(1_000)
    await look()
    expect(value('tidings.subscription.lag')).toBe(0)
    expect(value('tidings.subscription.parked')).toBe(0)
  })
})
