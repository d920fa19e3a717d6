import { expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { PermanentError } from '../kernel/errors.ts'
import { busStatus } from '../operations/bus-status.ts'
import { operationsOf } from '../operations/operations.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import { partitionOf } from '../store/partitioner.ts'
import { streamText } from '../store/store.ts'
import { createTestBus } from '../testing/create-test-bus.ts'

const Placed = defineEvent<{ readonly id: string; readonly n: number }>('order.placed')

const partition = (id: string): number => partitionOf(streamText({ tenant: '', category: 'order', key: id }), 2)
const keys = Array.from({ length: 20 }, (_, at) => `o-${at}`)
const [bad = '', beside = ''] = keys.filter((id) => partition(id) === 0)
const [elsewhere = ''] = keys.filter((id) => partition(id) === 1)

it.each([5, 1_000])(
  'a partition pauses alone at the bound of a blocked stream, tells so once, and goes on: window %i',
  async (window) => {
    const told: string[] = []
    await using world = await createTestBus({
      store: memoryStore({ partitions: 2 }),
      log: (level, message) => void (message.startsWith('A partition takes') && told.push(`${level} ${message}`)),
    })
    const { bus, clock, store } = world
    let mended = false
    const handled: Record<string, number[]> = { [bad]: [], [beside]: [], [elsewhere]: [] }
    bus.subscribe(Placed, { name: 'ledger', maxParked: 4, window }, ({ data: { id, n } }) => {
      if (id === bad && !mended) throw new PermanentError('poison')
      handled[id]?.push(n)
    })
    await bus.start()
    const all = Array.from({ length: 30 }, (_, n) => n)
    for (const n of all) await bus.publish([bad, elsewhere, beside].map((id) => Placed.create({ id, n })))
    await clock.advance('10s')
    await bus.settled()
    expect(handled[elsewhere]).toEqual(all)
    expect(handled[bad]).toEqual([])
    expect((handled[beside] as number[]).length).toBeLessThan(30)
    expect(world.parked('ledger')).toHaveLength(4)
    expect((await busStatus(bus)).subscriptions[0]).toMatchObject({ fullPartitions: 1, paused: [] })
    expect(told).toEqual([
      'error A partition takes nothing new: a blocked stream holds as many parked events as it may',
    ])

    mended = true
    await operationsOf(bus).parked.redrive({ subscription: 'ledger' })
    await clock.advance('10s')
    await bus.settled()
    expect(handled).toEqual({ [bad]: all, [beside]: all, [elsewhere]: all })
    expect((await busStatus(bus)).subscriptions[0]).toMatchObject({ fullPartitions: 0, lag: 0 })
    expect(await store.find('parked')).toEqual([])
  },
)

it('what waits at the bound is there after a restart, in order', async () => {
  const store = memoryStore({ partitions: 2 })
  const handled: number[] = []
  let mended = false
  for (const life of [1, 2]) {
    const world = await createTestBus({ store })
    const { bus, clock } = world
    mended = life === 2
    bus.subscribe(Placed, { name: 'ledger', maxParked: 3, order: 'all' }, ({ data: { n } }) => {
      if (n === 0 && !mended) throw new PermanentError('poison')
      handled.push(n)
    })
    await bus.start()
    if (life === 1) for (let n = 0; n < 12; n++) await bus.publish(Placed, { id: `o-${n}`, n })
    await clock.advance('10s')
    if (life === 2) await operationsOf(bus).parked.redrive({ subscription: 'ledger' })
    await clock.advance('10s')
    await world.close()
  }
  expect(handled).toEqual(Array.from({ length: 12 }, (_, n) => n))
})
