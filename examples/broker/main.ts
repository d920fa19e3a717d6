import { busStatus, createEventBus, defineEvent, memoryStore, operationsOf } from 'tidings'
import { logTransport, type TransportAdapter } from 'tidings/spi'

// A log in memory plays the broker here; yours would be `transportUrl: 'kafka://…'`.
const shared = memoryStore()
const broker: TransportAdapter = { name: 'shared log', open: async (host) => logTransport(shared, host) }

const UserRegistered = defineEvent('user.registered')
const CacheFilled = defineEvent('cache.filled', { priority: 'low' })

// #region route
const auth = await createEventBus({
  url: 'memory:',
  transport: broker,
  source: '/auth',
  route: [
    { name: 'caches stay here', category: 'cache', to: 'local' },
    { type: 'user.**', to: 'both' },
  ],
})
// #endregion route

const users = await createEventBus({ url: 'memory:', transport: broker, source: '/users' })
const { promise: arrived, resolve } = Promise.withResolvers<void>()
users.subscribe('**', { name: 'everything' }, ({ type, source }) => {
  console.log(`/users has heard ${type} of ${source}`)
  resolve()
})
await Promise.all([auth.start(), users.start()])

// #region publish
const { id } = await auth.publish(CacheFilled, { id: 'c-1' })
await auth.publish(UserRegistered, { id: 'u-1' }, { settle: 'broker' })
// #endregion publish
await arrived

// #region explain
const [explanation] = await operationsOf(auth).explain(id)
console.log(explanation?.subscriptions.find(({ name }) => name === 'relay')?.why)

const { bridge } = await busStatus(users)
console.log(`received ${bridge?.inbox.received}, dead ${bridge?.inbox.dead}`)
// #endregion explain

await Promise.all([auth.close(), users.close()])
