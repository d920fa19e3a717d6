// #region decide
import { archiveStream, createEventBus, decide, decideAll, defineEvent, load } from 'tidings'

import { receive, reserve, type Stock, StockReserved, stock } from './stock.ts'

const bus = await createEventBus({ url: 'sqlite:./stock.db' })

await decide(bus, stock, 'tea', receive('tea', 5))
const { state, version, events } = await decide(bus, stock, 'tea', reserve('tea', 3))
console.log(`${events[0]?.type}, so ${state.reserved} of ${state.onHand} are reserved at version ${version}`)
// #endregion decide

// #region race
const customers = await Promise.all([1, 2, 3, 4].map(() => decide(bus, stock, 'tea', reserve('tea', 1))))
console.log(customers.map(({ events: [event] }) => `${event?.type}`).toSorted())
// #endregion race

// #region load
console.log(await load(bus, stock, 'tea'))
console.log(await load(bus, stock, 'tea', { upTo: 1 }))
for await (const event of bus.store.readStream('stock/tea')) console.log(`${event.streamVersion} ${event.type}`)
// #endregion load

// #region command
const command = { commandId: 'delivery-note-17' }
await decide(bus, stock, 'rum', receive('rum', 2), command)
const again = await decide(bus, stock, 'rum', receive('rum', 2), command)
console.log(`carried out again: ${again.repeated !== true}, on hand: ${again.state.onHand}`)
// #endregion command

// #region several
const basket = ([tea, rum]: readonly [Stock, Stock]) =>
  tea.onHand - tea.reserved >= 1 && rum.onHand - rum.reserved >= 1
    ? [StockReserved.create({ sku: 'tea', quantity: 1 }), StockReserved.create({ sku: 'rum', quantity: 1 })]
    : []
await decide(bus, stock, 'tea', receive('tea', 1))
const { versions } = await decideAll(
  bus,
  [
    [stock, 'tea'],
    [stock, 'rum'],
  ],
  basket,
)
console.log(`both in one commit, at versions ${versions.join(' and ')}`)
// #endregion several

// #region archive
const { archived } = await archiveStream(bus, stock, 'tea', { keep: 2 })
console.log(
  `${archived} events are in the archive, and the state is still ${(await load(bus, stock, 'tea')).state.onHand}`,
)
// #endregion archive

// #region handler
const OrderPlaced = defineEvent<{ orderId: string; sku: string; quantity: number }>('order.placed', {
  key: (order) => order.orderId,
})

bus.subscribe(OrderPlaced, { name: 'stock', retry: { tries: 5 } }, async ({ data: { sku, quantity } }, within) => {
  await decide(bus, stock, sku, reserve(sku, quantity), { within })
})

await bus.start()
await bus.publish(OrderPlaced, { orderId: 'o-1', sku: 'rum', quantity: 1 })
while ((await load(bus, stock, 'rum')).state.reserved < 2) await new Promise((resolve) => setTimeout(resolve, 20))
console.log('the order has its rum')
// #endregion handler

// #region transaction
await bus.transaction(({ tx }) => tx.sql`create table if not exists deliveries (note text primary key, sku text)`)
await bus.transaction(async (within) => {
  await within.tx.sql`insert into deliveries values ('note-18', 'rum') on conflict do nothing`
  const { state: rum } = await decide(bus, stock, 'rum', receive('rum', 3), { within, commandId: 'delivery-note-18' })
  if (rum.onHand < 5) throw new Error('there should be more of it')
})
console.log('the delivery is in the table and in the stock')

await bus.close()
// #endregion transaction
