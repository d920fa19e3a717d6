import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import type { Attempt } from './attempt.ts'

const OrderPlaced = defineEvent<{ id: string }>('order.placed', { key: (order) => order.id })
const DayBegun = defineEvent<{ day: string }>('day.begun', { dedup: 'content', key: (day) => day.day })

const counter = { collection: 'counters', id: 'orders' }

describe('documents that join the unit of a handler', () => {
  it('lose no change where many handlers read and write the same one at a time, and spend no attempt', async () => {
    await using world = await createTestBus()
    const { bus } = world
    const attempts: number[] = []
    bus.subscribe(OrderPlaced, { name: 'counting', concurrency: 50, retry: { tries: 1 } }, async (_event, context) => {
      attempts.push(context.attempt)
      const [found] = await world.store.find(counter.collection, { id: counter.id })
      const { n } = found === undefined ? { n: 0 } : (JSON.parse(found.body) as { n: number })
      ;(context as Attempt).join({
        expect: [{ ...counter, version: found?.version ?? 0 }],
        documents: [{ ...counter, put: JSON.stringify({ n: n + 1 }) }],
      })
    })
    await bus.publish(Array.from({ length: 50 }, (_, at) => OrderPlaced.create({ id: `o-${at}` })))
    for (let round = 0; round < 200; round++) await world.clock.advance(25)
    await bus.settled()
    const [found] = await world.store.find(counter.collection, { id: counter.id })
    expect(JSON.parse(found?.body ?? '{}')).toEqual({ n: 50 })
    expect(attempts.length).toBeGreaterThan(50)
    expect(new Set(attempts)).toEqual(new Set([1]))
  })

  it('are committed at once where that is asked, whatever becomes of the attempt', async () => {
    await using world = await createTestBus()
    const { bus, clock } = world
    bus.subscribe(OrderPlaced, { name: 'failing', retry: { tries: 1 } }, async (_event, context) => {
      await (context as Attempt).commitNow({ documents: [{ ...counter, put: '{"n":1}' }] })
      throw new Error('after all')
    })
    await bus.publish(OrderPlaced, { id: 'o-1' })
    await clock.advance('1s')
    expect((await world.store.find(counter.collection, { id: counter.id }))[0]?.body).toBe('{"n":1}')
  })
})

it('what a handler wants done afterwards is done once, whatever its unit holds', async () => {
  await using world = await createTestBus()
  const { bus } = world
  const done: string[] = []
  bus.subscribe(OrderPlaced, { name: 'tidying', retry: { tries: 1 } }, ({ data }, context) => {
    ;(context as Attempt).afterwards(() => done.push(data.id))
    if (data.id === 'o-2') return context.publish(DayBegun, { day: 'monday' })
    if (data.id === 'o-3') throw new Error('no')
    return undefined
  })
  await bus.publish(['o-1', 'o-2', 'o-3'].map((id) => OrderPlaced.create({ id })))
  await bus.settled()
  expect(done.toSorted()).toEqual(['o-1', 'o-2', 'o-3'])
})

describe('one unit for many handlers', () => {
  it('holds each content once, where two of them publish it in the same moment', async () => {
    await using world = await createTestBus()
    const { bus, published } = world
    bus.subscribe(OrderPlaced, { name: 'days' }, (_event, { publish }) => publish(DayBegun, { day: 'monday' }))
    await bus.publish(['o-1', 'o-2', 'o-3'].map((id) => OrderPlaced.create({ id })))
    await world.clock.advance('1s')
    await bus.settled()
    expect(published(DayBegun)).toHaveLength(1)
  })
})
