import { expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { fencesCollection } from './partition-state.ts'

const Counted = defineEvent('counter.counted', { key: (data) => (data as { counter: string }).counter })
const Listed = defineEvent('list.listed', { key: (data) => (data as { list: string }).list })

it('gives the places of withdrawn handlers back to the process', async () => {
  const store = memoryStore({ partitions: 1 })
  await using world = await createTestBus({ store, concurrency: 3 })
  const { bus, clock } = world
  let hang = true
  bus.subscribe('counter.*', { name: 'count' }, (event, { signal }) => {
    if (!hang || (event.data as { counter: string }).counter === 'c') return undefined
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  })
  let peak = 0
  let running = 0
  bus.subscribe('list.*', { name: 'list' }, async () => {
    peak = Math.max(peak, ++running)
    await new Promise<void>((resolve) => void clock.runtime.setTimer(10, resolve))
    running--
  })
  await bus.start()
  await bus.publish(Counted, { counter: 'a' })
  await bus.publish(Counted, { counter: 'b' })
  await clock.advance('10ms')
  const fence = (await store.find(fencesCollection)).find(({ id }) => id.startsWith('count/'))
  await store.commit([
    { documents: [{ collection: fencesCollection, id: fence?.id as string, put: '{"instance":"gone"}' }] },
  ])
  // Its commit finds that the partition is somebody else's, and the two that hang are withdrawn.
  await bus.publish(Counted, { counter: 'c' })
  await clock.advance('1s')
  hang = false
  await clock.advance('1m')
  await bus.publish(['x', 'y', 'z'].map((list) => Listed.create({ list })))
  await clock.advance('1s')
  await bus.settled()
  expect(peak).toBe(3)
})
