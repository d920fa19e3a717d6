import { setTimeout } from 'node:timers/promises'

import { createEventBus, createReplay, defineEvent, operationsOf, sql } from 'tidings'
import { z } from 'zod'

const OrderPlaced = defineEvent('order.placed', {
  schema: z.object({ orderId: z.string(), customerId: z.string(), total: z.number() }),
  key: (order) => order.orderId,
})

const bus = await createEventBus({ url: 'sqlite:./shop.db' })
await bus.transaction(
  ({ tx }) => tx.sql`create table spent (order_id text primary key, customer_id text, total numeric)`,
)

// #region safe
bus.subscribe(OrderPlaced, { name: 'spending', replay: 'safe' }, async ({ data, id }, { write, effect, replay }) => {
  write(sql`
    insert into spent values (${data.orderId}, ${data.customerId}, ${data.total})
    on conflict (order_id) do update set total = excluded.total
  `)
  await effect('thank', () => console.log(`thank you mail for ${data.orderId}`))
  if (replay) console.log(`again: ${data.orderId} (${id.length > 0 ? 'the same event' : 'another'})`)
})
// #endregion safe

await bus.start()
await bus.publish(OrderPlaced, { orderId: 'o-1', customerId: 'c-1', total: 10 })
await bus.publish(OrderPlaced, { orderId: 'o-2', customerId: 'c-2', total: 20 })
const operations = operationsOf(bus)
const handled = async (): Promise<boolean> =>
  (await operations.subscriptions()).every(({ waiting }) => waiting.events === 0)
while (!(await handled())) await setTimeout(20)

// #region replay
const replay = createReplay(bus, { into: 'spending', from: new Date('2026-01-01'), types: [OrderPlaced], rate: 1_000 })

const { count, effects, recorded } = await replay.preview()
console.log(`${count} events would be handled again; outside calls (${recorded.join(', ')}): ${effects}`)

for await (const { state, share, eta } of replay.start()) {
  console.log(`${state}: ${Math.round(share * 100)} %, ${eta ?? '?'} ms to go`)
}
// #endregion replay

// #region handler
const byCustomer = new Map<string, number>()
const recount = createReplay(bus, {
  into: {
    name: 'recount',
    on: OrderPlaced,
    handler: ({ data }) => void byCustomer.set(data.customerId, (byCustomer.get(data.customerId) ?? 0) + data.total),
  },
})
for await (const _progress of recount.start());
console.log(byCustomer)
// #endregion handler

// #region operator
const request = { subscription: 'spending', streams: ['order/o-1'], by: 'ada' }
const asked = await operations.replays.start(request)
for await (const { state, parked } of operations.replays.follow(asked)) console.log(`${state}, ${parked} parked`)
// #endregion operator

await bus.close()
