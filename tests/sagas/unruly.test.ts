import { defineEvent, defineSaga, operationsOn, parallel, step } from 'tidings'
import { createTestBus, type TestWorld } from 'tidings/testing'
import { expect, it } from 'vitest'

const count = 12
const OrderPlaced = defineEvent<{ readonly orderId: string }>('order.placed', { key: (order) => order.orderId })
const StockRequested = defineEvent<{ readonly orderId: string }>('stock.requested', { key: (order) => order.orderId })
const StockReserved = defineEvent<{ readonly orderId: string }>('stock.reserved', { key: (order) => order.orderId })
const OrderShipped = defineEvent<{ readonly orderId: string }>('order.shipped', { key: (order) => order.orderId })
const OrderGivenUp = defineEvent<{ readonly orderId: string }>('order.given-up', { key: (order) => order.orderId })

interface Outside {
  /** Calls by name, saga and idempotency key. */
  readonly calls: Map<string, Map<string, number>>
}

function called({ calls }: Outside, name: string, saga: string, key: string): void {
  const keys = calls.get(`${name} ${saga}`) ?? new Map<string, number>()
  calls.set(`${name} ${saga}`, keys.set(key, (keys.get(key) ?? 0) + 1))
}

/** Three of four orders are answered, some late; every sixth fails at its last step. */
function prepare({ bus }: TestWorld, outside: Outside): void {
  bus.subscribe(StockRequested, { name: 'stock' }, async (event, { publish }) => {
    const number = Number(event.data.orderId)
    if (number % 4 !== 3) await publish(StockReserved, { orderId: event.data.orderId }, { id: `reserved-${number}` })
  })
  bus.use(
    defineSaga('fulfilment', {
      startsWith: OrderPlaced,
      timeout: '20s',
      steps: [
        step('reserve', {
          run: (saga) => saga.publish(StockRequested, { orderId: saga.key }),
          waitFor: { event: StockReserved, timeout: '3s' },
          compensate: (saga) => saga.publish(OrderGivenUp, { orderId: saga.key }),
        }),
        parallel(
          step('charge', {
            run: (saga) => called(outside, 'charge', saga.key, saga.stepId),
            compensate: (saga) => called(outside, 'refund', saga.key, saga.stepId),
          }),
          step('book', { run: (saga) => called(outside, 'book', saga.key, saga.stepId) }),
        ),
        step('ship', {
          run(saga) {
            if (Number(saga.key) % 6 === 5) throw new Error('no van')
            return saga.publish(OrderShipped, { orderId: saga.key })
          },
          retry: { tries: 2, backoff: ['500ms'] },
        }),
      ],
    }),
  )
}

it('holds its promises on two instances, one of which dies, through delays, lost answers and jumping clocks', async () => {
  const ends = new Set<string>()
  for (let seed = 1; seed <= 25; seed++) {
    const outside: Outside = { calls: new Map() }
    const first = await createTestBus({ seed })
    const second = await createTestBus({ beside: first })
    const worlds = [first, second]
    for (const world of worlds) prepare(world, outside)
    for (const world of worlds) await world.bus.start()
    await first.clock.advance('8s')
    for (const { faults } of worlds) {
      faults.add({ what: 'delay', chance: 0.3, takes: [1, 60] })
      faults.add({ what: 'lose answer', chance: 0.05 })
      faults.add({ what: 'apply late', chance: 0.03, takes: [1, 200] })
      faults.add({ what: 'fail', chance: 0.03 })
    }
    const random = (): number => first.clock.runtime.random()
    const publishing = Array.from({ length: count }, (_, at) =>
      second.bus.publish(OrderPlaced, { orderId: String(at) }, { id: `placed-${at}` }).catch(() => undefined),
    )
    const dies = random() < 0.7
    await first.clock.advance(Math.floor(200 + 3_000 * random()))
    if (dies) first.faults.crash()
    second.process.jump(random() < 0.5 ? 3_600_000 : -3_600_000)
    await second.clock.advance(1_000)
    second.process.jump(0)
    for (const { faults } of worlds) faults.heal()
    const at = Date.parse('2026-01-01T00:00:00Z')
    await second.clock.advance('30s')
    // Wherever the clock was moved to, it comes back.
    if (second.process.now() < at + 1_800_000) second.process.jump(2 * 3_600_000)
    await second.clock.advance('40s')
    await Promise.all(publishing)
    const { items } = await operationsOn(second.store, { runtime: second.clock.runtime }).sagas.list()
    const placed = new Set(second.published(OrderPlaced).map(({ data }) => data.orderId))
    expect(items.map(({ key }) => key).toSorted(), `seed ${seed}`).toEqual([...placed].toSorted())
    for (const { key, status } of items) {
      ends.add(status)
      const about = `seed ${seed}, saga ${key}`
      expect(['done', 'compensated'], about).toContain(status)
      const shipped = second.published(OrderShipped).filter(({ data }) => data.orderId === key).length
      const givenUp = second.published(OrderGivenUp).filter(({ data }) => data.orderId === key).length
      expect([shipped, givenUp], about).toEqual(status === 'done' ? [1, 0] : [0, 1])
      const requested = second.published(StockRequested).filter(({ data }) => data.orderId === key).length
      // One whose time is over may be compensated before its step has asked for anything.
      if (status === 'done') expect(requested, about).toBe(1)
      else expect(requested, about).toBeLessThanOrEqual(1)
      const charged = outside.calls.get(`charge ${key}`)
      if (status === 'compensated' && charged !== undefined)
        expect(outside.calls.get(`refund ${key}`)?.size, `${about}: refund`).toBe(1)
    }
    for (const [name, keys] of outside.calls) {
      expect(keys.size, `seed ${seed}: keys of ${name}`).toBe(1)
      expect(Math.max(...keys.values()), `seed ${seed}: calls of ${name}`).toBeLessThanOrEqual(1 + (dies ? 1 : 0))
    }
    expect(await second.store.find('timers'), `seed ${seed}`).toEqual([])
    expect(second.parked(), `seed ${seed}`).toEqual([])
    await second.close()
    await first.close()
  }
  expect(ends).toEqual(new Set(['done', 'compensated']))
}, 120_000)
