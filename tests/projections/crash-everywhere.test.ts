import { sqlite } from '@tidings/sqlite'
import { isSqlStore, memoryStore, operationsOn, type Store } from 'tidings'
import { realRuntime, silentLog, silentMeter } from 'tidings/spi'
import { type CommitPlace, createTestBus, type FaultKind, type TestWorld } from 'tidings/testing'
import { describe, expect, it } from 'vitest'

import { dumpDocuments, dumpTables, LineAdded, OrderPaid, OrderPlaced, orderDocuments, orderTables } from './orders.ts'

const places: readonly CommitPlace[] = ['projection', 'settle', 'checkpoint', 'register', 'fence']

/** What stands on which store, and what a generation of it holds. */
interface Kind {
  store(): Promise<Store>
  use(world: TestWorld): void
  dump(world: TestWorld, generation: number | undefined): Promise<string>
}

const kinds: Readonly<Record<string, Kind>> = {
  tables: {
    store: () =>
      sqlite(':memory:', { partitions: 2 }).open({ runtime: realRuntime(), log: silentLog, meter: silentMeter }),
    use: ({ bus }) => bus.use(orderTables(1, { keep: '10m', retry: { tries: 20 } })),
    async dump({ store }, generation) {
      return isSqlStore(store) ? dumpTables(store, generation) : ''
    },
  },
  documents: {
    store: async () => memoryStore({ partitions: 2 }),
    use: ({ bus }) => bus.use(orderDocuments()),
    dump: ({ store }, generation) => dumpDocuments(store, generation ?? 2),
  },
}

async function orders({ bus }: TestWorld, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) {
    await bus.publish(OrderPlaced, { orderId: `o-${n}`, customerId: `c-${n % 2}`, total: n })
    await bus.publish(LineAdded, { orderId: `o-${n}`, sku: 'tea', quantity: n })
    if (n % 2 === 0) await bus.publish(OrderPaid, { orderId: `o-${n}` })
  }
}

/** A rebuild during which a process dies at the commit after `skip` others of that place. False: there were not so many. */
async function rebuildThrough(kind: Kind, what: FaultKind, at: CommitPlace, skip: number): Promise<boolean> {
  const store = await kind.store()
  await using first = await createTestBus({ store })
  kind.use(first)
  await orders(first, 0, 6)
  await first.bus.settled()
  // Publishes are somebody else's, so that the process may die at any time.
  await using publisher = await createTestBus({ beside: first })
  await using dying = await createTestBus({ beside: first })
  kind.use(dying)
  await dying.bus.start()
  await first.close()
  await first.clock.advance('15s')
  dying.faults.add({ what, at, skip, times: 1 })
  const { projections } = operationsOn(first.store, { runtime: first.clock.runtime })
  await projections.rebuild('orders')
  await orders(publisher, 6, 8)
  await first.clock.advance('4s')
  await orders(publisher, 8, 10)
  await first.clock.advance('4s')
  const struck = (dying.faults.struck.get(what) ?? 0) > 0
  await using heir = await createTestBus({ beside: first })
  kind.use(heir)
  await heir.bus.start()
  await first.clock.advance('30s')
  await heir.bus.settled()
  const label = `${what} at ${at} after ${skip} others`
  const status = await projections.progress('orders')
  expect(status, label).toMatchObject({
    live: 2,
    generations: [
      { state: 'kept', parked: 0 },
      { state: 'live', parity: { verdict: 'equal' }, parked: 0, lag: 0 },
    ],
  })
  expect(status.hold, label).toBeUndefined()
  const live = await kind.dump(heir, 2)
  expect(live, label).toBe(await kind.dump(heir, 1))
  expect(await kind.dump(heir, undefined), label).toBe(live)
  // All ten orders are there, whatever happened.
  expect(new Set(live.match(/"o-\d+"/g)).size, label).toBe(10)
  return struck
}

describe.each(Object.keys(kinds))('a rebuild of %s', (name) => {
  it.each(places.flatMap((place) => (['crash before', 'crash after'] as const).map((what) => [what, place] as const)))(
    'goes on after a %s each of its commits at %s, one after another',
    { timeout: 120_000 },
    async (what, place) => {
      const kind = kinds[name] as Kind
      let skip = 0
      while (await rebuildThrough(kind, what, place, skip)) skip++
      // Begun, held, switched, at the least.
      if (place === 'projection') expect(skip).toBeGreaterThan(2)
    },
  )
})
