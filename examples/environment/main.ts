// #region open
import { configFrom, createEventBus, defineEvent } from 'tidings'

const bus = await createEventBus({
  ...configFrom(process.env),
  source: '/orders',
  log: (level, message) => console.log(`${level}: ${message}`),
})
// #endregion open

// #region wrong
try {
  configFrom({ EVENT_BUS_TYPE: 'kafka', KAFKA_BOOTSTRAP_SERVERS: 'secret words', EVENT_STORE_TTL_DAYS: 'many' })
} catch (error) {
  console.log((error as Error).message)
}
// #endregion wrong

const OrderPlaced = defineEvent('order.placed')

bus.subscribe(OrderPlaced, { name: 'stock' }, ({ data }) => {
  console.log(`handled ${(data as { id: string }).id}`)
  void bus.close()
})
await bus.start()
await bus.publish(OrderPlaced, { id: 'o-1' })
