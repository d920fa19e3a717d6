import { describe, expect, it } from 'vitest'
import { z } from 'zod'

import { defineEvent } from '../events/define-event.ts'
import { PermanentError } from '../kernel/errors.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { operationsOf, operationsOn } from './operations.ts'

const OrderPlaced = defineEvent('order.placed', {
  schema: z.object({ orderId: z.string(), total: z.number() }),
  key: (order) => order.orderId,
})

describe('the overview of subscriptions', () => {
  it('tells positions, what waits and what is parked, and who looks after it', async () => {
    await using world = await createTestBus()
    const { bus } = world
    bus.subscribe(OrderPlaced, { name: 'inventory' }, (event) => {
      if (event.data.total === 13) throw new PermanentError('no')
    })
    bus.subscribe('stock.*', { name: 'stock' }, () => {})
    for (const total of [1, 13, 2]) await bus.publish(OrderPlaced, { orderId: 'o', total })
    await bus.settled()
    const [inventory, stock] = await operationsOf(bus).subscriptions()
    expect(inventory).toMatchObject({
      name: 'inventory',
      patterns: ['order.placed'],
      order: 'stream',
      mode: 'queued',
      waiting: { events: 0, more: false },
      parked: { dead: 1, behind: 1, retry: 0, upgrade: 0 },
      requests: 0,
      here: { paused: [] },
    })
    expect(inventory?.owners).toHaveLength(1)
    expect(inventory?.partitions).toHaveLength(8)
    expect(inventory?.partitions.every(({ owner }) => owner.state === 'alive')).toBe(true)
    expect(stock).toMatchObject({ name: 'stock', waiting: { events: 0 }, parked: { dead: 0 } })
  })

  it('counts what waits while nobody is there, up to a limit, by types that match alone', async () => {
    await using world = await createTestBus()
    world.bus.subscribe('order.*', { name: 'inventory' }, () => {})
    await world.bus.start()
    await world.bus.close()
    await using publisher = await createTestBus({ beside: world })
    for (let at = 0; at < 12; at++) await publisher.bus.publish(OrderPlaced, { orderId: `o-${at}`, total: 1 })
    await publisher.bus.publish(defineEvent('stock.moved', { schema: z.object({ id: z.string() }) }), { id: 's' })
    const operations = operationsOn(world.store, { runtime: world.clock.runtime })
    const [all] = await operations.subscriptions()
    expect(all?.waiting).toMatchObject({ events: 12, more: false })
    expect(all?.owners).toEqual([])
    expect(all?.here).toBeUndefined()
    const [some] = await operations.subscriptions({ count: 5 })
    expect(some?.waiting).toMatchObject({ events: 5, more: true })
    await world.clock.advance(120_000)
    const { findings } = await operations.status()
    expect(findings).toMatchObject([
      {
        level: 'warn',
        about: 'no-owner',
        subscription: 'inventory',
        says: 'No instance of inventory is alive; 12 events wait for it.',
      },
    ])
  })
})

describe('the status', () => {
  it('has nothing to say of a store that is well', async () => {
    await using world = await createTestBus()
    world.bus.subscribe(OrderPlaced, { name: 'inventory' }, () => {})
    await world.bus.publish(OrderPlaced, { orderId: 'o', total: 1 })
    await world.bus.settled()
    const status = await operationsOf(world.bus).status()
    expect(status.findings).toEqual([])
    expect(status.store).toMatchObject({ name: 'memory', head: 1, partitions: 8 })
    expect(status.instances).toMatchObject([{ alive: true, groups: ['inventory/0'] }])
  })

  it('names dead letters and requests that nobody carries out', async () => {
    await using world = await createTestBus()
    world.bus.subscribe(OrderPlaced, { name: 'inventory' }, () => {
      throw new PermanentError('no')
    })
    for (const total of [1, 2]) await world.bus.publish(OrderPlaced, { orderId: 'o', total })
    await world.bus.settled()
    await world.bus.close()
    const operations = operationsOn(world.store, { runtime: world.clock.runtime })
    await operations.parked.redrive({ subscription: 'inventory' })
    const { findings } = await operations.status()
    expect(findings.map(({ about, says }) => [about, says])).toEqual([
      ['no-owner', 'No instance of inventory is alive.'],
      ['requests-waiting', '1 request of operators to inventory not carried out yet.'],
      ['dead-letters', '1 dead letter of inventory, 1 more wait behind them.'],
    ])
  })

  it('calls it bad when a subscription stands beyond the end of the log', async () => {
    const store = memoryStore({ partitions: 1 })
    await store.commit([
      {
        documents: [
          {
            collection: 'subscriptions',
            id: 'lost',
            put: JSON.stringify({
              name: 'lost',
              patterns: ['**'],
              order: 'stream',
              mode: 'queued',
              run: 0,
              start: 0,
              registeredAt: 0,
            }),
          },
          { collection: 'checkpoints', id: 'lost/0/0', put: JSON.stringify({ watermark: 17, done: [] }) },
        ],
      },
    ])
    const { findings } = await operationsOn(store).status()
    expect(findings).toMatchObject([{ level: 'bad', about: 'watermark-beyond-log', subscription: 'lost' }])
  })

  it('rejects with what the store says when it is away', async () => {
    const store = memoryStore()
    await store.close()
    await expect(operationsOn(store).status()).rejects.toMatchObject({ code: 'TIDINGS_CLOSED' })
  })
})
