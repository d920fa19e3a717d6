import { expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { createTestBus, type TestBus } from '../testing/create-test-bus.ts'
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
async function meanwhile<T>({ clock }: TestBus, work: Promise<T>): Promise<T> {
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
