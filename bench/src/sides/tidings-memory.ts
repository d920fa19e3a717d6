import { createEventBus, runWithContext } from 'tidings'
import type { Side, SideHost } from '../harness/side.ts'
import { checkedOrderPlaced, orderPlaced } from '../order-definition.ts'
import { type Order, orderOf } from '../order-event.ts'
import { Tally } from './tally.ts'

/**
 * A bus on `memory:`. Options: `mode` (inline, queued), `handler` (async, plain, reading), `checked` (a schema by zod, and a surrounding context).
 */
export async function open({ options }: SideHost): Promise<Side> {
  const { mode = 'inline', handler = 'async', checked = false } = options
  const tally = new Tally()
  const definition = checked ? checkedOrderPlaced : orderPlaced
  const bus = await createEventBus({ url: 'memory:', source: '/shop', validate: checked === true })
  const subscription = { name: 'orders', mode: mode as 'inline' | 'queued', concurrency: 16 }
  if (handler === 'plain') bus.subscribe<Order>(definition, subscription, () => tally.add())
  else if (handler === 'reading') {
    bus.subscribe<Order>(definition, subscription, async (event) => {
      if (event.id.length + event.time.length !== 60)
        throw new Error('Expected an id of 36 characters and a time of 24.')
      tally.add()
    })
  } else bus.subscribe<Order>(definition, subscription, async () => tally.add())
  await bus.start()

  const surroundings = { tenantId: 'acme', userId: 'user-1184', correlationId: 'request-5f2e9a' }
  const publish = (at: number): Promise<unknown> => bus.publish(definition, orderOf(at))
  const publishBatch = (from: number, count: number): Promise<unknown> =>
    bus.publish(Array.from({ length: count }, (_, at) => definition.create(orderOf(from + at))))
  return {
    one: checked ? (at) => runWithContext(surroundings, () => publish(at)) : publish,
    batch: checked ? (from, count) => runWithContext(surroundings, () => publishBatch(from, count)) : publishBatch,
    seen: () => tally.count,
    finished: (total) => tally.reach(total),
    close: () => bus.close(),
  }
}
