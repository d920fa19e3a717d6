import { sqlite } from '@tidings/sqlite'
import { isSqlStore, memoryStore, operationsOn, type Store } from 'tidings'
import { mulberry32, realRuntime, silentLog, silentMeter } from 'tidings/spi'
import { createTestBus, type FaultRule, type TestWorld } from 'tidings/testing'
import { describe, expect, it } from 'vitest'

import {
  dumpDocuments,
  dumpTables,
  LineAdded,
  OrderCancelled,
  OrderPaid,
  OrderPlaced,
  orderDocuments,
  orderTables,
} from './orders.ts'

const seeds = Array.from({ length: 10 }, (_, at) => 4_711 + at * 97)

const faults: readonly FaultRule[] = [
  { what: 'delay', chance: 0.2, takes: [1, 400] },
  { what: 'fail', at: ['settle', 'checkpoint', 'projection', 'find', 'read'], chance: 0.03 },
  { what: 'lose answer', at: ['settle', 'checkpoint', 'projection'], chance: 0.05 },
  { what: 'apply late', at: ['settle', 'checkpoint'], chance: 0.02, takes: [10, 800] },
]

/** Publishes, crashes, takes over and rebuilds as the seed says. Answers what the first generation and the last one hold. */
async function run(
  seed: number,
  store: Store,
  use: (world: TestWorld) => void,
  dump: (generation: number) => Promise<string>,
): Promise<{ readonly incremental: string; readonly rebuilt: string }> {
  const random = mulberry32(seed)
  const pick = (below: number): number => Math.floor(random() * below)
  await using publisher = await createTestBus({ store, seed })
  const processes: TestWorld[] = []
  const begin = async (): Promise<void> => {
    const process = await createTestBus({ beside: publisher, faults, seed })
    use(process)
    processes.push(process)
    void process.bus.start().catch(() => {})
  }
  await begin()
  const { projections } = operationsOn(store, { runtime: publisher.clock.runtime })
  let generation = 1
  for (let step = 0; step < 60; step++) {
    for (let burst = pick(6); burst > 0; burst--) {
      const orderId = `o-${pick(6)}`
      const what = pick(8)
      if (what < 3) await publisher.bus.publish(OrderPlaced, { orderId, customerId: `c-${pick(3)}`, total: pick(100) })
      else if (what < 6) await publisher.bus.publish(LineAdded, { orderId, sku: `s-${pick(3)}`, quantity: 1 + pick(9) })
      else await publisher.bus.publish(what === 6 ? OrderPaid : OrderCancelled, { orderId })
    }
    const chance = random()
    if (chance < 0.08) processes.splice(pick(processes.length), 1)[0]?.faults.crash()
    if (processes.length === 0 || (chance > 0.93 && processes.length < 3)) await begin()
    if (step === 30) generation = await projections.rebuild('orders').catch(() => generation)
    await publisher.clock.advance(pick(1_500))
  }
  // All goes well from here on, and what was waiting comes to its end.
  for (const process of processes) process.faults.crash()
  await using heir = await createTestBus({ beside: publisher, seed })
  use(heir)
  await heir.bus.start()
  if (generation === 1) generation = await projections.rebuild('orders')
  await publisher.clock.advance('60s')
  await heir.bus.settled()
  const status = await projections.progress('orders')
  expect(status, `seed ${seed}`).toMatchObject({ live: generation })
  for (const { parked, lag } of status.generations)
    expect({ parked, lag }, `seed ${seed}`).toEqual({ parked: 0, lag: 0 })
  return { incremental: await dump(1), rebuilt: await dump(generation) }
}

describe('what is rebuilt from zero', () => {
  it.each(seeds)(
    'equals what was kept up event by event, as tables, with seed %i',
    { timeout: 60_000 },
    async (seed) => {
      const store = await sqlite(':memory:', { partitions: 3 }).open({
        runtime: realRuntime(),
        log: silentLog,
        meter: silentMeter,
      })
      const { incremental, rebuilt } = await run(
        seed,
        store,
        ({ bus }) => bus.use(orderTables(1, { retry: { tries: 50 } })),
        async (generation) => (isSqlStore(store) ? dumpTables(store, generation) : ''),
      )
      expect(rebuilt, `seed ${seed}`).toBe(incremental)
      expect(rebuilt).toContain('o-')
      await store.close()
    },
  )

  it.each(seeds)(
    'equals what was kept up event by event, as documents, with seed %i',
    { timeout: 60_000 },
    async (seed) => {
      const store = memoryStore({ partitions: 3 })
      const { incremental, rebuilt } = await run(
        seed,
        store,
        ({ bus }) => bus.use(orderDocuments()),
        (generation) => dumpDocuments(store, generation),
      )
      expect(rebuilt, `seed ${seed}`).toBe(incremental)
      expect(rebuilt).toContain('o-')
    },
  )
})
