import { describe, expect, it } from 'vitest'
import { z } from 'zod'

import { defineEvent } from '../events/define-event.ts'
import { PermanentError, UnavailableError } from '../kernel/errors.ts'
import { createTestBus } from './create-test-bus.ts'

const OrderPlaced = defineEvent('order.placed', {
  schema: z.object({ orderId: z.string(), total: z.number() }),
  key: (order) => order.orderId,
})
const StockReserved = defineEvent('stock.reserved', {
  schema: z.object({ orderId: z.string() }),
  key: (data) => data.orderId,
})

const order = { orderId: 'o-1', total: 3 }

describe('the test bus', () => {
  it('is settled when everything that follows from a publish has happened, asked right after it', async () => {
    await using world = await createTestBus()
    const { bus, published } = world
    bus.subscribe(OrderPlaced, { name: 'inventory' }, (event, { publish }) =>
      publish(StockReserved, { orderId: event.data.orderId }),
    )
    void bus.publish(OrderPlaced, order)
    const { waiting } = await bus.settled()
    expect(waiting).toEqual([])
    expect(published(StockReserved).map((event) => event.data.orderId)).toEqual(['o-1'])
    expect(published().map(({ type }) => type)).toEqual(['order.placed', 'stock.reserved'])
  })

  it('waits for handlers that take turns of the real event loop', async () => {
    await using world = await createTestBus()
    const { bus, published } = world
    bus.subscribe(OrderPlaced, { name: 'inventory' }, async (event, { publish }) => {
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
      await publish(StockReserved, { orderId: event.data.orderId })
    })
    await bus.publish(OrderPlaced, order)
    await bus.settled()
    expect(published(StockReserved)).toHaveLength(1)
  })

  it('tells what only waits for the clock, and goes on when it is moved', async () => {
    await using world = await createTestBus()
    const { bus, clock, parked } = world
    const attempts: number[] = []
    bus.subscribe(
      OrderPlaced,
      { name: 'inventory', retry: { tries: 3, backoff: ['1s', '1h'] } },
      (_event, { attempt }) => {
        attempts.push(attempt)
        if (attempt < 3) throw new Error('not yet')
      },
    )
    await bus.publish(OrderPlaced, order)
    expect((await bus.settled()).waiting).toEqual([
      { subscription: 'inventory', what: 'retry', stream: 'order/o-1', type: 'order.placed', attempts: 1, in: 1_000 },
    ])
    await clock.advance('1s')
    expect((await bus.settled()).waiting).toEqual([
      {
        subscription: 'inventory',
        what: 'parked',
        stream: 'order/o-1',
        type: 'order.placed',
        attempts: 2,
        in: 3_600_000,
      },
    ])
    expect(parked('inventory')).toMatchObject([{ state: 'retry', eventId: (await bus.waitForEvents())[0]?.id }])
    await clock.advance('1h')
    expect((await bus.settled()).waiting).toEqual([])
    expect(attempts).toEqual([1, 2, 3])
    expect(parked()).toEqual([])
  })

  it('is settled while a breaker is open, and with dead letters, which wait for nobody', async () => {
    await using world = await createTestBus()
    const { bus, parked } = world
    bus.subscribe(OrderPlaced, { name: 'payment' }, () => {
      throw new UnavailableError('bank away')
    })
    bus.subscribe(OrderPlaced, { name: 'mail' }, () => {
      throw new PermanentError('no such address')
    })
    await bus.publish(OrderPlaced, order)
    expect((await bus.settled()).waiting).toEqual([{ subscription: 'payment', what: 'breaker' }])
    expect(parked('mail')).toMatchObject([{ state: 'dead', error: { message: 'no such address' } }])
  })

  it('starts subscriptions that are declared late before anything is published to them', async () => {
    await using world = await createTestBus()
    const { bus } = world
    const seen: number[] = []
    await bus.publish(OrderPlaced, { ...order, total: 1 })
    bus.subscribe(OrderPlaced, { name: 'late' }, (event) => void seen.push(event.data.total))
    void bus.publish(OrderPlaced, { ...order, total: 2 })
    await bus.settled()
    expect(seen).toEqual([2])
  })

  it('settles two instances that share a store and a clock', async () => {
    await using first = await createTestBus({ seed: 5 })
    await using second = await createTestBus({ beside: first })
    const seen: string[] = []
    for (const [name, { bus }] of [
      ['a', first],
      ['b', second],
    ] as const) {
      bus.subscribe(OrderPlaced, { name: 'inventory' }, (event) => void seen.push(`${name}:${event.data.orderId}`))
      await bus.start()
    }
    await first.clock.advance('10s')
    await Promise.all(
      Array.from({ length: 40 }, (_, at) =>
        (at % 2 === 0 ? first : second).bus.publish(OrderPlaced, { orderId: `o-${at}`, total: at }),
      ),
    )
    expect((await first.bus.settled()).waiting).toEqual([])
    expect(seen).toHaveLength(40)
    expect(new Set(seen.map((line) => line.slice(0, 1)))).toEqual(new Set(['a', 'b']))
    expect(second.published(OrderPlaced)).toHaveLength(40)
  })

  it('answers events once enough were published, and says what it got where there are too few', async () => {
    await using world = await createTestBus({ seed: 42 })
    const { bus } = world
    void bus.publish(OrderPlaced, order)
    void bus.publish(OrderPlaced, order)
    await expect(bus.waitForEvents(2)).resolves.toHaveLength(2)
    await expect(bus.waitForEvents(3)).rejects.toThrow(
      'Expected at least 3 events, got 2 (2 × order.placed); nothing more will come by itself. Seed 42.',
    )
  })

  it('stamps events with virtual time and repeats itself exactly for a seed', async () => {
    const run = async (seed: number): Promise<unknown> => {
      await using world = await createTestBus({ seed, start: new Date('2030-05-01T00:00:00Z') })
      await world.bus.publish(OrderPlaced, order)
      await world.clock.advance('2m')
      await world.bus.publish(OrderPlaced, order)
      return world.published().map(({ id, time }) => [id, time])
    }
    const [one, same, other] = [await run(1), await run(1), await run(2)]
    expect(one).toEqual(same)
    expect(one).not.toEqual(other)
    expect((one as [string, string][]).map(([, time]) => time)).toEqual([
      '2030-05-01T00:00:00.000Z',
      '2030-05-01T00:02:00.000Z',
    ])
  })
})
