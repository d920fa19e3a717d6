import { describe, expect, it } from 'vitest'

import { createEventBus } from '../bus/create-event-bus.ts'
import { defineEvent } from '../events/define-event.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import { fencesCollection } from './partition-state.ts'

const Counted = defineEvent('counter.counted', { key: (data) => (data as { counter: string }).counter })

describe('a partition whose token was raised by somebody who then died', () => {
  it('is taken back, and nothing is handled twice or never', async () => {
    const runtime = virtualRuntime({ seed: 5 })
    const store = memoryStore({ partitions: 1 })
    const bus = await createEventBus({ store, runtime })
    const seen: number[] = []
    bus.subscribe('counter.*', { name: 'count' }, async (event) => void seen.push((event.data as { n: number }).n))
    await bus.start()
    await bus.publish(Counted, { counter: 'a', n: 1 })
    await runtime.advance(1_000)

    const [fence] = await store.find(fencesCollection)
    await store.commit([
      { documents: [{ collection: fencesCollection, id: fence?.id as string, put: '{"instance":"gone"}' }] },
    ])
    await bus.publish(Counted, { counter: 'a', n: 2 })
    await bus.publish(Counted, { counter: 'b', n: 3 })
    await runtime.advance(60_000)
    await bus.publish(Counted, { counter: 'a', n: 4 })
    await runtime.advance(1_000)

    const counts = [1, 2, 3, 4].map((n) => seen.filter((one) => one === n).length)
    expect(counts[0]).toBe(1)
    // Those that were refused at their commit run again: their effects have not been, so no effect is there twice.
    expect(counts[1]).toBe(2)
    expect(counts[3]).toBe(1)
    const closing = bus.close()
    await runtime.advance(20_000)
    await closing
    const [checkpoint] = await store.find('checkpoints')
    expect(JSON.parse(checkpoint?.body as string)).toEqual({ watermark: 4, done: [] })
  })

  it('is taken back, too, where nothing but an effect is ever committed for it', async () => {
    const runtime = virtualRuntime({ seed: 6 })
    const store = memoryStore({ partitions: 1 })
    const bus = await createEventBus({ store, runtime })
    let paid = 0
    const raise = async (): Promise<void> => {
      const [fence] = await store.find(fencesCollection)
      await store.commit([
        { documents: [{ collection: fencesCollection, id: fence?.id as string, put: '{"instance":"gone"}' }] },
      ])
    }
    bus.subscribe('counter.*', { name: 'pay' }, async (_event, { effect }) => {
      // Each attempt comes too late by a moment, the first time.
      if (paid === 0) await raise()
      await effect('pay', () => void paid++)
    })
    await bus.start()
    await bus.publish(Counted, { counter: 'a', n: 1 })
    await runtime.advance(60_000)
    const [checkpoint] = await store.find('checkpoints')
    expect(JSON.parse(checkpoint?.body as string)).toEqual({ watermark: 1, done: [] })
    expect((await store.find('effects')).length).toBe(1)
    const closing = bus.close()
    await runtime.advance(20_000)
    await closing
  })
})
