/**
 * A service of its own process: an inventory that answers each order with `stock.reserved`, and cannot stand totals of 13 while it is sick.
 * Arguments: the URL of the store, `sick` or `well`, and orders to publish, each as `order:total`. Says `ready` when it delivers and `published` after that.
 */
import { createEventBus, defineEvent, PermanentError } from 'tidings'
import { runService } from 'tidings/node'

interface Order {
  readonly orderId: string
  readonly total: number
}

const OrderPlaced = defineEvent<Order>('order.placed', { key: (order) => order.orderId })
const StockReserved = defineEvent<Order>('stock.reserved', { key: (order) => order.orderId })

const [url = '', health = 'well', ...orders] = process.argv.slice(2)
const bus = await createEventBus({ url, source: '/inventory', transport: { lease: 500 } })
bus.subscribe(OrderPlaced, { name: 'inventory', replay: 'safe' }, async (event, { publish }) => {
  if (health === 'sick' && event.data.total === 13) throw new PermanentError('cannot pack thirteen')
  await publish(StockReserved, event.data)
})
await runService(bus)
process.stdout.write('ready\n')
for (const order of orders) {
  const [orderId = '', total] = order.split(':')
  await bus.publish(OrderPlaced, { orderId, total: Number(total) })
}
process.stdout.write('published\n')
