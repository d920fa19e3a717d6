import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import { createTestBus, type TestWorld } from '../testing/create-test-bus.ts'
import { fencesCollection } from './partition-state.ts'

const Counted = defineEvent('counter.counted', { key: (data) => `k-${(data as { n: number }).n}` })

/** Declares a sequential subscription and returns what it has handled, by number. */
function sequence({ bus }: TestWorld, handle: (n: number, attempt: number) => void = () => {}): number[] {
  const seen: number[] = []
  bus.subscribe(
    'counter.*',
    { name: 'audit', order: 'all', from: 'beginning', retry: { tries: 5, backoff: ['10s'] } },
    (event, { attempt }) => {
      const { n } = event.data as { n: number }
      handle(n, attempt)
      seen.push(n)
    },
  )
  return seen
}

async function publish({ bus }: TestWorld, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) await bus.publish(Counted, { n })
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, at) => at + 1)

describe('a sequential subscription', () => {
  it('goes on in the order of the log after a restart, wherever its partitions stood', async () => {
    await using first = await createTestBus({ store: memoryStore({ partitions: 8 }) })
    await publish(first, 1, 60)
    // Partitions without any event are as far as the head; the others stop at the first event that never returns.
    sequence(first, (n) => {
      if (n === 10) first.faults.crash()
    })
    await first.bus.start()
    await first.clock.advance('1s')
    await using second = await createTestBus({ beside: first, transport: { page: 3 } })
    const seen = sequence(second)
    await second.bus.start()
    await second.clock.advance('1m')
    expect(seen).toEqual(upTo(60).slice(60 - seen.length))
    expect(seen[0]).toBeLessThanOrEqual(10)
  })

  it('holds everything behind a parked event, also when another instance takes over', async () => {
    await using first = await createTestBus({ store: memoryStore({ partitions: 8 }) })
    sequence(first, (n, attempt) => {
      if (n === 5 && attempt === 1) throw new Error('not yet')
    })
    await publish(first, 1, 30)
    await first.clock.advance('1s')
    expect(first.parked().map(({ state }) => state)).toEqual(['retry', ...Array<string>(25).fill('behind')])
    first.faults.crash()
    await using second = await createTestBus({ beside: first })
    const seen = sequence(second)
    await second.bus.start()
    await second.clock.advance('1m')
    expect(seen).toEqual(upTo(30).slice(4))
  })

  it('lets go of all its partitions when one of them is lost, and takes all of them back', async () => {
    await using world = await createTestBus({ store: memoryStore({ partitions: 4 }) })
    const seen = sequence(world)
    await publish(world, 1, 10)
    await world.bus.settled()
    // Somebody raised one token and died before the partitions were his.
    const [fence] = await world.store.find(fencesCollection)
    await world.store.commit([
      { documents: [{ collection: fencesCollection, id: fence?.id as string, put: '{"instance":"gone"}' }] },
    ])
    await publish(world, 11, 40)
    await world.clock.advance('2m')
    await publish(world, 41, 50)
    await world.clock.advance('2m')
    const last = new Map(seen.map((n, at) => [n, at]))
    expect([...last.keys()].toSorted((a, b) => a - b)).toEqual(upTo(50))
    expect([...last].toSorted((a, b) => a[1] - b[1]).map(([n]) => n)).toEqual(upTo(50))
  })
})

describe('a partition that is taken back', () => {
  it('misses nothing that was delivered while it was being taken', async () => {
    await using world = await createTestBus({ store: memoryStore({ partitions: 1 }) })
    const seen: number[] = []
    world.bus.subscribe('counter.*', { name: 'audit' }, (event) => void seen.push((event.data as { n: number }).n))
    await publish(world, 1, 3)
    await world.bus.settled()
    const [fence] = await world.store.find(fencesCollection)
    await world.store.commit([
      { documents: [{ collection: fencesCollection, id: fence?.id as string, put: '{"instance":"gone"}' }] },
    ])
    await publish(world, 4, 6)
    world.faults.add({ what: 'delay', at: 'find', takes: [300, 300] })
    for (let n = 7; n <= 206; n++) {
      await publish(world, n, n)
      await world.clock.advance('200ms')
    }
    await world.clock.advance('1m')
    expect(new Set(seen)).toEqual(new Set(upTo(206)))
  })
})
