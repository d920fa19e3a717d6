import { describe, expect, it } from 'vitest'
import { defineEvent } from '../events/define-event.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { createEventBus } from './create-event-bus.ts'

const OrderPlaced = defineEvent<{ id: string; note?: string }>('order.placed')
const OrderSeen = defineEvent<{ id: string; note?: string }>('order.seen')

describe('what a handler publishes', () => {
  it('is heard by inline subscriptions of the process, and held to the limits of the bus', async () => {
    const runtime = virtualRuntime({ seed: 9 })
    const bus = await createEventBus({ url: 'memory:', runtime, publish: { maxBytes: 200 } })
    const heard: string[] = []
    bus.subscribe(OrderPlaced, { name: 'follower', retry: { tries: 1 } }, (event, { publish }) =>
      publish(OrderSeen, event.data),
    )
    bus.subscribe(OrderSeen, { name: 'metrics', mode: 'inline' }, (event) => void heard.push(event.data.id))
    await bus.start()
    await bus.publish(OrderPlaced, { id: 'o-1' })
    await runtime.advance(100)
    expect(heard).toEqual(['o-1'])
    await expect(bus.publish(OrderPlaced, { id: 'o-2', note: 'x'.repeat(300) })).rejects.toMatchObject({
      code: 'TIDINGS_TOO_LARGE',
    })
    const Long = defineEvent<{ id: string }>('order.placed')
    bus.subscribe(Long, { name: 'grower' }, (event, { publish }) =>
      publish(OrderSeen, { id: event.data.id, note: 'x'.repeat(300) }),
    )
    await runtime.advance(10)
    await bus.publish(OrderPlaced, { id: 'o-3' })
    await runtime.advance(100)
    expect(heard).toEqual(['o-1', 'o-3'])
    const closing = bus.close()
    await runtime.advance(20_000)
    await closing
  })
})
