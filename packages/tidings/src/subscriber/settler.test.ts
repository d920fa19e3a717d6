import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
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
    expect(world.faults.struck).toEqual(
      new Map([
        ['apply late', 1],
        ['delay', 1],
      ]),
    )
    expect(published(OrderSeen)).toHaveLength(1)
  })
})

describe('settling what an inline listener has done', () => {
  it('does not take the late arrival of its own commit for somebody else', async () => {
    const memory = memoryStore({ partitions: 1 })
    await using world = await createTestBus({
      store: { ...memory, capabilities: { ...memory.capabilities, durability: 'store' } },
    })
    const { bus, clock, published } = world
    bus.subscribe(OrderPlaced, { name: 'watcher', mode: 'inline' }, (_event, { publish }) => publish(OrderSeen, {}))
    await bus.start()
    world.faults.add({ what: 'apply late', at: 'checkpoint', times: 1, takes: [80, 80] })
    world.faults.add({ what: 'delay', at: 'checkpoint', skip: 1, times: 1, takes: [100, 100] })
    await bus.publish(OrderPlaced, {})
    await clock.advance('500ms')
    await bus.publish(OrderPlaced, {})
    await clock.advance('20s')
    await bus.settled()
    expect(world.faults.struck.get('apply late')).toBe(1)
    expect(published(OrderSeen)).toHaveLength(2)
  })
})
