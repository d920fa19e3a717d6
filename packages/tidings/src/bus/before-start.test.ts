import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { SubscribeOptions } from '../subscriber/subscribe-options.ts'
import { createEventBus } from './create-event-bus.ts'

const Placed = defineEvent<{ readonly id: string }>('order.placed')

const store = memoryStore()
const runtime = virtualRuntime({ seed: 3 })

/** One life of a process: it publishes between `subscribe` and `start`, and once more after that. What its subscription hears. */
async function live(options: SubscribeOptions, ids: readonly [before: string, after: string]): Promise<string[]> {
  const bus = await createEventBus({ store, runtime })
  const heard: string[] = []
  bus.subscribe(Placed, options, ({ data }) => void heard.push(data.id))
  await bus.publish(Placed, { id: ids[0] })
  await runtime.advance(1_000)
  expect(heard).toEqual([])
  await bus.start()
  await bus.publish(Placed, { id: ids[1] })
  await runtime.advance(1_000)
  const closing = bus.close()
  await runtime.advance(20_000)
  await closing
  return heard
}

describe('what is published between subscribe and start', () => {
  it('is not heard by a subscription that is new, since start registers it; by one that is known it is', async () => {
    expect(await live({ name: 'stock' }, ['stock-1', 'stock-2'])).toEqual(['stock-2'])
    expect(await live({ name: 'stock' }, ['stock-3', 'stock-4'])).toEqual(['stock-3', 'stock-4'])
  })

  it('is never heard by an inline listener, which runs within the publishes of its own bus', async () => {
    const options = { name: 'totals', mode: 'inline' } as const
    expect(await live(options, ['totals-1', 'totals-2'])).toEqual(['totals-2'])
    expect(await live(options, ['totals-3', 'totals-4'])).toEqual(['totals-4'])
  })

  it('is heard by a new one that begins before it', async () => {
    const heard = await live({ name: 'all', from: 'beginning' }, ['all-1', 'all-2'])
    expect(heard.slice(-2)).toEqual(['all-1', 'all-2'])
  })
})
