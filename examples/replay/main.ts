import { setTimeout } from 'node:timers/promises'

import { createEventBus, defineEvent, operationsOf, sql } from 'tidings'
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
const request = { subscription: 'spending', from: 0, types: ['order.placed'], by: 'ada' }
const { count } = await operations.replays.preview(request)
console.log(`${count} events would be handled again`)

const replay = await operations.replays.start(request)
for await (const { state, position, upTo } of operations.replays.follow(replay)) {
  console.log(`${state}: position ${position} of ${upTo}`)
}
// #endregion replay

await bus.close()
