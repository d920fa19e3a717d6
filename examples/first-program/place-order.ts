// #region place-order
import { createEventBus } from 'tidings'

import { OrderPlaced } from './order-placed.ts'

const [orderId = 'o-1', sku = 'tea', quantity = '1'] = process.argv.slice(2)

const bus = await createEventBus({ url: 'sqlite:./shop.db', source: '/checkout' })
const receipt = await bus.publish(OrderPlaced, { orderId, sku, quantity: Number(quantity) })
console.log(`${orderId} is kept at position ${receipt.position}, durability '${receipt.durability}'`)
await bus.close()
// #endregion place-order
