import { describe, expect, it } from 'vitest'

import { archiveStream } from '../aggregates/archive-stream.ts'
import { defineAggregate } from '../aggregates/define-aggregate.ts'
import { defineEvent } from '../events/define-event.ts'
import { createTestBus, type TestWorld } from '../testing/create-test-bus.ts'
import { documents } from './collection.ts'
import { defineProjection } from './define-projection.ts'

interface Placed {
  readonly id: string
  readonly customer: string
}

const OrderPlaced = defineEvent<Placed>('order.placed', { key: ({ id }) => id })

/** One document for all orders of a customer, whatever partitions they are of. `beforeWriting` is called when a stream has been forgotten in what was read. */
const customers = (beforeWriting: () => Promise<void>) =>
  defineProjection('customers', {
    version: 1,
    documents: { customers: documents<{ readonly orders: readonly string[] }>({}) },
    on: (on) => [
      on(OrderPlaced, async ({ data }, { documents: { customers } }) => {
        const before = await customers.get(data.customer)
        customers.put(data.customer, { orders: [...(before?.orders ?? []), data.id] })
      }),
    ],
    forget: async ({ key }, { documents: { customers } }) => {
      const before = await customers.get('c')
      await beforeWriting()
      customers.put('c', { orders: (before?.orders ?? []).filter((id) => id !== key) })
    },
  })

/** Lets the clock run until the work is done. */
async function meanwhile<T>({ clock }: TestWorld, work: Promise<T>): Promise<T> {
  let over = false
  const end = (): void => void (over = true)
  work.then(end, end)
  while (!over) await clock.advance('100ms')
  return work
}

it('loses nothing that other partitions write to the same document while a stream is rebuilt', async () => {
  await using world = await createTestBus()
  const { bus } = world
  let others = ['o-2', 'o-3', 'o-4', 'o-5', 'o-6', 'o-7']
  const projection = customers(async () => {
    const now = others
    others = []
    for (const id of now) await bus.publish(OrderPlaced, { id, customer: 'c' })
    if (now.length > 0) await bus.settled()
  })
  bus.use(projection)
  await bus.start()
  await bus.publish(OrderPlaced, { id: 'o-1', customer: 'c' })
  await bus.settled()
  expect(await meanwhile(world, projection.of(bus).rebuildStream('order/o-1'))).toEqual({ generation: 1, events: 1 })
  const after = await projection.of(bus).documents.customers.get('c')
  expect(after?.orders.toSorted()).toEqual(['o-1', 'o-2', 'o-3', 'o-4', 'o-5', 'o-6', 'o-7'])
})

describe('a stream whose events have left the log', () => {
  const Counted = defineEvent<{ readonly id: string; readonly n: number }>('counter.counted', { key: ({ id }) => id })

  const define = (lossy: boolean) =>
    defineProjection('sums', {
      version: 1,
      lossy,
      documents: { sums: documents<{ readonly sum: number }>({}) },
      on: (on) => [
        on(Counted, async ({ data }, { documents: { sums } }) => {
          const before = await sums.get(data.id)
          sums.put(data.id, { sum: (before?.sum ?? 0) + data.n })
        }),
      ],
      forget: ({ key }, { documents: { sums } }) => sums.delete(key),
    })

  const sums = define(false)

  const counter = defineAggregate('counter', {
    initial: 0,
    on: [Counted],
    evolve: (sum: number, { data }) => sum + data.n,
    snapshot: { every: 1_000 },
  })

  /** A projection that has applied five events of one stream, and knows that it has. */
  async function begin(world: TestWorld, projection = sums): Promise<ReturnType<typeof sums.of>> {
    world.bus.use(projection)
    await world.bus.start()
    for (let n = 1; n <= 5; n++) await world.bus.publish(Counted, { id: 'c', n })
    await world.clock.advance('2m')
    expect(await projection.of(world.bus).documents.sums.get('c')).toEqual({ sum: 15 })
    return projection.of(world.bus)
  }

  it('is applied again from the archive', async () => {
    await using world = await createTestBus()
    const handle = await begin(world)
    expect(await archiveStream(world.bus, counter, 'c', { keep: 2 })).toEqual({ archived: 3, through: 3 })
    expect(await meanwhile(world, handle.rebuildStream('counter/c'))).toEqual({ generation: 1, events: 5 })
    expect(await handle.documents.sums.get('c')).toEqual({ sum: 15 })
  })

  it('is applied again without what was deleted', async () => {
    await using world = await createTestBus()
    const handle = await begin(world)
    await world.bus.store.deleteStream('counter/c')
    await world.bus.publish(Counted, { id: 'c', n: 6 })
    await world.clock.advance('2m')
    expect(await meanwhile(world, handle.rebuildStream('counter/c'))).toEqual({ generation: 1, events: 1 })
    expect(await handle.documents.sums.get('c')).toEqual({ sum: 6 })
  })

  it.each([
    { what: 'its beginning', through: 2, versions: 'Versions 1 to 2' },
    { what: 'all of it', through: 5, versions: 'Versions 1 to 5' },
  ])('is left as it is where $what was removed', async ({ through, versions }) => {
    await using world = await createTestBus()
    const handle = await begin(world)
    const events = await world.store.readStream({ tenant: '', category: 'counter', key: 'c' })
    await world.store.prune({ through: events[through - 1]?.position ?? 0, limit: 100 })
    await expect(meanwhile(world, handle.rebuildStream('counter/c'))).rejects.toMatchObject({
      code: 'TIDINGS_HISTORY_GONE',
      message: expect.stringContaining(versions),
    })
    expect(await handle.documents.sums.get('c')).toEqual({ sum: 15 })
  })
  it('is applied again without what was removed where the projection says that this may be lacking', async () => {
    await using world = await createTestBus()
    const handle = await begin(world, define(true))
    await world.store.prune({ through: Number.MAX_SAFE_INTEGER, limit: 2 })
    expect(await meanwhile(world, handle.rebuildStream('counter/c'))).toEqual({ generation: 1, events: 3 })
    expect(await handle.documents.sums.get('c')).toEqual({ sum: 12 })
  })
})
