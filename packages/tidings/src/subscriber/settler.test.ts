import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { createTestBus } from '../testing/create-test-bus.ts'

const OrderPlaced = defineEvent('order.placed')
const OrderSeen = defineEvent('order.seen')

describe('settling', () => {
  it('makes effects true once where a commit without an answer arrives while it is repeated', async () => {
    // The first try arrives after the settler has asked what became of it, and before its repetition does.
    await using world = await createTestBus({
      faults: [
        { what: 'apply late', at: 'settle', times: 1, takes: [80, 80] },
        { what: 'delay', at: 'settle', skip: 1, times: 1, takes: [100, 100] },
      ],
    })
    const { bus, clock, published } = world
    bus.subscribe(OrderPlaced, { name: 'watcher' }, (_event, { publish }) => publish(OrderSeen, {}))
    await bus.publish(OrderPlaced, {})
    await clock.advance('5s')
    await bus.settled()
    expect(world.faults.struck).toEqual(new Map([['apply late', 1], ['delay', 1]]))
    expect(published(OrderSeen)).toHaveLength(1)
  })
})
