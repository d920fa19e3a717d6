import { describe, expect, it } from 'vitest'
import { defineEvent } from '../events/define-event.ts'
import { PermanentError } from '../kernel/errors.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import { createEventBus } from './create-event-bus.ts'

const Short = defineEvent('ping.sent', { retention: '1h', key: (data) => (data as { to: string }).to })
const Kept = defineEvent('order.placed', { key: (data) => (data as { to: string }).to })

describe('retention', () => {
  it('lets old events go when everybody has passed them, keeps other types, versions and what is parked', async () => {
    const runtime = virtualRuntime({ seed: 3 })
    const store = memoryStore()
    const bus = await createEventBus({ store, runtime })
    bus.subscribe([Short, Kept] as never, { name: 'reader' }, (event) => {
      if ((event as { data: { n: number } }).data.n === 70) throw new PermanentError('poison')
    })
    await bus.start()
    for (let n = 0; n < 100; n++) await bus.publish(n % 2 === 0 ? Short : Kept, { to: `k-${n}`, n })
    await runtime.advance(30 * 60_000)
    expect((await bus.store.getEvents('ping/k-0')).length).toBe(1)
    await runtime.advance(40 * 60_000)
    const left: number[] = []
    for await (const event of bus.store.readAll())
      if (event.type === 'ping.sent') left.push((event.data as { n: number }).n)
    // What is parked, and all behind it, stays.
    expect(left).toEqual(Array.from({ length: 15 }, (_, at) => 70 + 2 * at))
    const receipt = await bus.publish(Short, { to: 'k-0', n: 1_000 })
    expect(receipt.streamVersion).toBe(2)
    const closing = bus.close()
    await runtime.advance(20_000)
    await closing
  })
})
