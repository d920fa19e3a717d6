import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { sleep } from '../kernel/runtime.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { Store } from '../store/store.ts'
import { createTestBus, type TestWorld } from '../testing/create-test-bus.ts'

const Placed = defineEvent<{ readonly id: string; readonly n: number }>('order.placed')
const Seen = defineEvent<{ readonly id: string; readonly n: number }>('order.seen')

function survivor(): Store {
  const store = memoryStore()
  return { ...store, capabilities: { ...store.capabilities, durability: 'store', sharing: 'network' } }
}

/** Begins and ends of handlers, in order; the first of the events fails as often as it is told. */
function watch({ bus, clock }: TestWorld, told: string[], failures = 0, order: 'stream' | 'all' = 'stream'): void {
  bus.subscribe([Placed, Seen], { name: 'watcher', mode: 'inline', order }, async ({ data: { n } }, { attempt }) => {
    told.push(`begin ${n}`)
    await sleep(clock.runtime, 10)
    if (n === 1 && failures-- > 0) throw new Error(`not at attempt ${attempt}`)
    told.push(`end ${n}`)
  })
}

/** As the log has it. */
const asPublished = ({ published }: TestWorld): readonly string[] =>
  published(Placed).flatMap(({ data: { n } }) => [`begin ${n}`, `end ${n}`])

const inOrder = ['begin 1', 'end 1', 'begin 2', 'end 2', 'begin 3', 'end 3']

describe.each([
  ['on a store in memory', (): undefined => undefined],
  ['on a store that survives', survivor],
] as const)('inline listeners %s', (_name, make) => {
  const world = async (): Promise<TestWorld> => {
    const store = make()
    return createTestBus(store === undefined ? {} : { store })
  }

  it('run one after another in a stream whose publishers do not wait for each other, and have run when they return', async () => {
    await using one = await world()
    const told: string[] = []
    watch(one, told)
    const returned: number[] = []
    const publishing = [1, 2, 3].map((n) =>
      one.bus.publish(Placed, { id: 'o-1', n }).then(() => returned.push(told.length)),
    )
    await one.clock.advance('1s')
    await Promise.all(publishing)
    expect(told).toEqual(inOrder)
    expect(returned.map((length) => length >= 2)).toEqual([true, true, true])
    expect(returned[2]).toBe(6)
  })

  it('run in the order of the log whichever way their events came', async () => {
    await using one = await world()
    const told: string[] = []
    watch(one, told)
    const publishing = [
      one.bus.publish([Placed.create({ id: 'o-1', n: 1 }), Placed.create({ id: 'o-1', n: 2 })]),
      one.bus.publish(Placed, { id: 'o-1', n: 3 }),
    ]
    await one.clock.advance('1s')
    await Promise.all(publishing)
    expect(told).toEqual(asPublished(one))
  })

  it('wait behind an earlier event of their stream that waits for its retry, and others do not', async () => {
    await using one = await world()
    const told: string[] = []
    watch(one, told, 2)
    await Promise.all([one.bus.publish(Placed, { id: 'o-1', n: 1 }), one.clock.advance('20ms')])
    await Promise.all([one.bus.publish(Placed, { id: 'o-1', n: 2 }), one.clock.advance('20ms')])
    await Promise.all([one.bus.publish(Placed, { id: 'o-2', n: 9 }), one.clock.advance('20ms')])
    expect(told).toEqual(['begin 1', 'begin 9', 'end 9'])
    await one.clock.advance('30s')
    const last = one.bus.publish(Placed, { id: 'o-1', n: 3 })
    await one.clock.advance('30s')
    await last
    expect(told.filter((line) => !line.endsWith('9'))).toEqual(['begin 1', 'begin 1', ...inOrder])
  })

  it('do not wait for themselves where they publish to their own stream', async () => {
    await using one = await world()
    const { bus, clock } = one
    const told: string[] = []
    bus.subscribe([Placed, Seen], { name: 'watcher', mode: 'inline' }, async ({ type, data }) => {
      told.push(`begin ${type}`)
      if (type === Placed.type) await bus.publish(Seen, data)
      told.push(`end ${type}`)
    })
    const began = clock.now()
    const publishing = bus.publish(Placed, { id: 'o-1', n: 1 })
    await clock.advance('1s')
    await publishing
    await bus.settled()
    expect(clock.now() - began).toBe(1_000)
    expect(told).toEqual(['begin order.placed', 'end order.placed', 'begin order.seen', 'end order.seen'])
  })

  it('run one at a time over all streams where the order is over all', async () => {
    await using one = await world()
    const told: string[] = []
    watch(one, told, 0, 'all')
    const publishing = [1, 2, 3].map((n) => one.bus.publish(Placed, { id: `o-${n}`, n }))
    await one.clock.advance('1s')
    await Promise.all(publishing)
    expect(told).toEqual(inOrder)
  })
})

describe('inline listeners of two processes', () => {
  it.each(['stream', 'all'] as const)('run one after another: order %s', async (order) => {
    await using one = await createTestBus({ store: survivor() })
    await using two = await createTestBus({ beside: one })
    const told: string[] = []
    watch(one, told, 0, order)
    watch(two, told, 0, order)
    await one.bus.start()
    await two.bus.start()
    const publishing = [one, two, one].map(({ bus }, at) => bus.publish(Placed, { id: 'o-1', n: at + 1 }))
    await one.clock.advance('1s')
    await Promise.all(publishing)
    expect(told).toEqual(asPublished(one))
  })

  it('do not run again where a publisher repeats an event that was heard', async () => {
    await using one = await createTestBus({ store: survivor() })
    await using two = await createTestBus({ beside: one })
    const told: string[] = []
    watch(one, told)
    watch(two, told)
    await one.bus.start()
    await two.bus.start()
    for (const { bus, clock } of [one, two]) {
      const publishing = bus.publish(Placed, { id: 'o-1', n: 1 }, { id: 'e-1' })
      await clock.advance('20ms')
      await publishing
    }
    expect(told).toEqual(['begin 1', 'end 1'])
  })
})
