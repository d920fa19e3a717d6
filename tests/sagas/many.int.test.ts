import { defineEvent, defineSaga, operationsOn, step } from 'tidings'
import { createTestBus, type TestWorld } from 'tidings/testing'
import { expect, it } from 'vitest'

import { onSqlite } from './stores.ts'

const count = 10_000
const hour = 3_600_000
const OrderPlaced = defineEvent<{ readonly orderId: string }>('order.placed', { key: (order) => order.orderId })
const OrderPaid = defineEvent<{ readonly orderId: string }>('order.paid', { key: (order) => order.orderId })

it('keeps ten thousand sagas and their timers over a restart and a clock that jumps an hour either way', async () => {
  const takenBack = new Map<string, number>()
  const payment = defineSaga('payment', {
    startsWith: OrderPlaced,
    timeout: '30m',
    steps: [
      step('ask', {
        run: () => {},
        waitFor: { event: OrderPaid },
        compensate: ({ key }) => void takenBack.set(key, (takenBack.get(key) ?? 0) + 1),
      }),
    ],
  })
  const store = await onSqlite()
  const counts = async (world: TestWorld): Promise<Readonly<Record<string, number>>> =>
    operationsOn(world.store, { runtime: world.clock.runtime }).sagas.counts({ most: count + 1 })
  /** Lets time pass until it is so, in virtual time: what it waits for costs real time only. */
  const until = async (
    world: TestWorld,
    what: (counts: Readonly<Record<string, number>>) => boolean,
  ): Promise<void> => {
    for (let rounds = 0; rounds < 600; rounds++) {
      if (what(await counts(world))) return
      await world.clock.advance(500)
    }
    throw new Error(`It does not come so far: ${JSON.stringify(await counts(world))}`)
  }

  const first = await createTestBus({ store, concurrency: 500 })
  first.bus.use(payment)
  await first.bus.start()
  const began = performance.now()
  for (let at = 0; at < count; at += 500)
    await first.bus.publish(Array.from({ length: 500 }, (_, one) => OrderPlaced.create({ orderId: `o-${at + one}` })))
  await until(first, ({ running }) => running === count)
  const placed = performance.now()
  // Those that are placed last begin last, so all are due within a minute or so.
  await until(first, () => true)
  await first.close()

  const second = await createTestBus({ store, concurrency: 500, start: first.clock.now() })
  second.bus.use(payment)
  const restarting = performance.now()
  await second.bus.start()
  await second.bus.publish(OrderPaid, { orderId: 'o-7' })
  await until(second, ({ done }) => done === 1)
  const restarted = performance.now()

  second.clock.jump(-hour)
  await second.clock.advance('5s')
  expect(takenBack.size).toBe(0)
  second.clock.jump(hour)
  await second.clock.advance('5s')
  expect(takenBack.size).toBe(0)
  second.clock.jump(hour)
  const firing = performance.now()
  await until(second, ({ compensated }) => compensated === count - 1)
  const fired = performance.now()
  second.clock.jump(-hour)
  await second.clock.advance('5s')
  second.clock.jump(hour)
  await second.clock.advance('5s')

  expect(takenBack.size).toBe(count - 1)
  expect(new Set(takenBack.values())).toEqual(new Set([1]))
  expect(takenBack.has('o-7')).toBe(false)
  expect(await store.find('timers')).toEqual([])
  await second.close()
  await store.close()
  const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`
  process.stdout.write(
    `${count} sagas on SQLite: begun in ${seconds(placed - began)}, at work again ${seconds(restarted - restarting)} after a restart, ` +
      `${count - 1} timeouts with their compensations in ${seconds(fired - firing)}\n`,
  )
}, 240_000)
