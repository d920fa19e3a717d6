import { expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { createTestBus } from '../testing/create-test-bus.ts'

const OrderPlaced = defineEvent<{ readonly id: string }>('order.placed')
const OrderSeen = defineEvent<{ readonly id: string }>('order.seen')

it('counts an event as handled whose own events, under ids of their own, stand in the log already', async () => {
  const errors: string[] = []
  await using world = await createTestBus({ log: (level, text) => void (level === 'error' && errors.push(text)) })
  let runs = 0
  world.bus.subscribe(OrderPlaced, { name: 'seeing' }, async (event, { publish }) => {
    runs++
    await publish(OrderSeen, { id: event.data.id }, { id: 'seen-o-1' })
  })
  await world.bus.publish(OrderSeen, { id: 'o-1' }, { id: 'seen-o-1' })
  await world.bus.publish(OrderPlaced, { id: 'o-1' })
  await world.bus.settled()
  await world.clock.advance('1m')
  expect(errors).toEqual([])
  expect(runs).toBe(1)
  expect(world.published(OrderSeen)).toHaveLength(1)
})
