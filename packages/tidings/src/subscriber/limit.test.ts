import { expect, it } from 'vitest'

import { partsOf } from '../bus/bus-parts.ts'
import { defineEvent } from '../events/define-event.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import type { Engine } from './engine.ts'

const Rung = defineEvent<{ readonly id: string; readonly n: number }>('bell.rung')

it.each(['stream', 'all'] as const)(
  'begins nothing beyond a limit, and goes on in order %s when it is raised',
  async (order) => {
    await using world = await createTestBus()
    const { bus } = world
    const heard: number[] = []
    bus.subscribe(Rung, { name: 'listener', order }, ({ data }) => void heard.push(data.n))
    await bus.start()
    const engine = partsOf(bus).engines.get('listener') as Engine
    engine.limitTo(3)
    for (let n = 1; n <= 6; n++) await bus.publish(Rung, { id: `${n % 2}`, n })
    await bus.settled()
    expect(heard.toSorted((a, b) => a - b)).toEqual([1, 2, 3])
    engine.limitTo(4)
    await bus.settled()
    expect(heard.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4])
    // What is lower than what runs already stops nothing that is done.
    engine.limitTo(2)
    engine.limitTo(Number.POSITIVE_INFINITY)
    await bus.settled()
    expect(heard.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6])
    expect(heard.filter((n) => n % 2 === 0)).toEqual([2, 4, 6])
  },
)

it('tells how far a partition is committed', async () => {
  await using world = await createTestBus()
  const { bus } = world
  bus.subscribe(Rung, { name: 'listener' }, () => {})
  await bus.publish(Rung, { id: 'a', n: 1 })
  await bus.settled()
  const engine = partsOf(bus).engines.get('listener') as Engine
  const lows = Array.from({ length: 8 }, (_, partition) => engine.lowOf(partition))
  expect(Math.min(...lows.map((low) => low ?? 0))).toBe(1)
  expect(engine.lowOf(99)).toBeUndefined()
})
