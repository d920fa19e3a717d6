/**
 * A process that uses the projection of orders and publishes one order after another until it is killed. Says `up` when it has begun.
 *
 *   node --conditions=source projecting-service.ts FILE NAME VERSION
 */
import { setTimeout as pause } from 'node:timers/promises'

import { sqlite } from '@tidings/sqlite'
import { createEventBus } from 'tidings'

import { LineAdded, OrderPaid, OrderPlaced, orderTables } from './orders.ts'

const [file = '', name = '', version = '1'] = process.argv.slice(2)
const bus = await createEventBus({ store: sqlite(file, { partitions: 4 }), source: '/shop' })
bus.use(orderTables(Number(version)))
await bus.start()
process.stdout.write('up\n')

for (let n = 0; ; n++) {
  const orderId = `${name}-${n}`
  await bus.publish([
    OrderPlaced.create({ orderId, customerId: `c-${n % 7}`, total: n }),
    LineAdded.create({ orderId, sku: 'tea', quantity: 1 + (n % 3) }),
  ])
  if (n % 4 === 0) await bus.publish(OrderPaid, { orderId })
  await pause(2)
}
