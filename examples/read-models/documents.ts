// #region documents
import { createEventBus, defineProjection, documents } from 'tidings'

import { OrderPlaced } from './orders.ts'

const spending = defineProjection('spending', {
  version: 1,
  documents: {
    customers: documents<{ readonly orders: number; readonly total: number }>({
      index: ({ total }) => ({ total }),
    }),
  },
  on: (on) => [
    on(OrderPlaced, async ({ data }, { documents: { customers } }) => {
      const before = await customers.get(data.customerId)
      customers.put(data.customerId, {
        orders: (before?.orders ?? 0) + 1,
        total: (before?.total ?? 0) + data.total,
      })
    }),
  ],
})
// #endregion documents

// #region find
const bus = await createEventBus({ url: 'memory:', source: '/orders' })
bus.use(spending)
await bus.start()
await bus.publish(OrderPlaced, { orderId: 'o-1', customerId: 'ada', total: 40 })
const { position } = await bus.publish(OrderPlaced, { orderId: 'o-2', customerId: 'ada', total: 2 })

const read = spending.of(bus)
await read.caughtUpTo(position)
const [first] = await read.documents.customers.find({ by: { index: 'total' }, limit: 1 })
console.log(`${first?.id}: ${first?.value.orders} orders, ${first?.value.total}`)

await bus.close()
// #endregion find
