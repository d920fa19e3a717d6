import { describe, expect, it, test } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import type { Event } from '../events/event.ts'
import { sleep } from '../kernel/runtime.ts'
import { type VirtualRuntime, virtualRuntime } from '../kernel/virtual-runtime.ts'
import type { PublishOptions } from '../publisher/publish-options.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { createEventBus } from './create-event-bus.ts'
import type { EventBus } from './event-bus.ts'

const Reminded = defineEvent('basket.reminded', { key: (data: { basket: string; n: number }) => data.basket })

function note(bus: EventBus): { readonly event: Event<unknown>; readonly at: number }[] {
  const heard: { readonly event: Event<unknown>; readonly at: number }[] = []
  bus.subscribe(Reminded, { name: 'notes' }, (event) => void heard.push({ event, at: clock?.monotonic() ?? 0 }))
  return heard
}

let clock: VirtualRuntime | undefined

describe('an event that is published later', () => {
  it('waits for its time, and says what to cancel it by', async () => {
    await using world = await createTestBus()
    const heard: Event<unknown>[] = []
    world.bus.subscribe(Reminded, { name: 'notes' }, (event) => void heard.push(event))
    const began = world.clock.now()
    const receipt = await world.bus.publish(Reminded, { basket: 'b-1', n: 1 }, { delay: '1h', userId: 'ada' })
    expect(receipt).toMatchObject({
      position: 0,
      streamVersion: 0,
      durability: 'memory',
      scheduled: { id: `/app/${receipt.id}`, at: began + 3_600_000 },
    })
    expect(await world.bus.timers.list()).toEqual([
      {
        id: `/app/${receipt.id}`,
        at: began + 3_600_000,
        eventId: receipt.id,
        source: '/app',
        type: 'basket.reminded',
        tenant: '',
        category: 'basket',
        key: 'b-1',
      },
    ])
    await world.clock.advance('59m')
    await world.bus.settled()
    expect(heard).toEqual([])
    await world.clock.advance('1m')
    await world.bus.settled()
    expect(heard).toHaveLength(1)
    expect(heard[0]).toMatchObject({ id: receipt.id, timestamp: began + 3_600_000, context: { userId: 'ada' } })
    expect(await world.bus.timers.list()).toEqual([])
    await world.clock.advance('2h')
    expect(heard).toHaveLength(1)
  })

  it('is not held up by an inline listener that hangs at another', async () => {
    await using world = await createTestBus()
    const { bus, clock } = world
    const began: string[] = []
    let release = (): void => {}
    bus.subscribe(Reminded, { name: 'notes', mode: 'inline' }, ({ data: { basket } }) => {
      began.push(basket)
      return basket === 'b-1' ? new Promise<void>((resolve) => (release = resolve)) : undefined
    })
    await bus.start()
    await bus.publish(Reminded, { basket: 'b-1', n: 1 }, { delay: '1s' })
    await bus.publish(Reminded, { basket: 'b-2', n: 2 }, { delay: '3s' })
    await clock.advance('2s')
    expect(began).toEqual(['b-1'])
    let settled = false
    const settling = bus.settled().then(() => (settled = true))
    await clock.advance('5s')
    expect({ began, settled }).toEqual({ began: ['b-1', 'b-2'], settled: false })
    release()
    await settling
    expect(await bus.timers.list()).toEqual([])
  })

  it('has been heard by inline listeners before the bus is closed', async () => {
    const runtime = virtualRuntime({ seed: 9 })
    const bus = await createEventBus({ store: memoryStore(), runtime })
    const ended: string[] = []
    bus.subscribe(Reminded, { name: 'notes', mode: 'inline' }, async ({ data: { basket } }) => {
      await sleep(runtime, 500)
      ended.push(basket)
    })
    await bus.start()
    await bus.publish(Reminded, { basket: 'b-1', n: 1 }, { delay: '1s' })
    await runtime.advance(1_100)
    const closing = bus.close().then(() => ended.push('closed'))
    await runtime.advance(20_000)
    await closing
    expect(ended).toEqual(['b-1', 'closed'])
  })

  it('comes at a time of the wall clock, however that is moved, and at once where it has passed', async () => {
    await using world = await createTestBus({ start: 1_000_000 })
    const heard: number[] = []
    world.bus.subscribe(Reminded, { name: 'notes' }, ({ data }) => void heard.push((data as { n: number }).n))
    const past = await world.bus.publish(Reminded, { basket: 'b', n: 1 }, { at: new Date(999_999) })
    expect(past).toMatchObject({ position: 1, streamVersion: 1 })
    expect(past.scheduled).toBeUndefined()
    await world.bus.publish(Reminded, { basket: 'b', n: 2 }, { delay: 0 })
    await world.bus.publish(Reminded, { basket: 'b', n: 3 }, { at: 100_000_000 })
    await world.bus.settled()
    expect(heard).toEqual([1, 2])
    world.process.jump(100_000_000)
    await world.clock.advance(1_000)
    await world.bus.settled()
    expect(heard).toEqual([1, 2, 3])
  })

  it('can be taken back, once', async () => {
    await using world = await createTestBus()
    const receipt = await world.bus.publish(Reminded, { basket: 'b', n: 1 }, { delay: '1m' })
    expect(await world.bus.timers.cancel(receipt.scheduled?.id as string)).toBe(true)
    expect(await world.bus.timers.cancel(receipt.scheduled?.id as string)).toBe(false)
    await world.clock.advance('2m')
    expect(world.published()).toEqual([])
  })

  it('keeps the order of what is due at one time, and a batch is all or nothing', async () => {
    await using world = await createTestBus()
    const drafts = Array.from({ length: 20 }, (_, n) => Reminded.create({ basket: 'b', n }))
    const receipts = await world.bus.publish(drafts, { delay: '10s' })
    expect(new Set(receipts.map(({ scheduled }) => scheduled?.id)).size).toBe(20)
    await world.clock.advance('10s')
    await world.bus.settled()
    expect(world.published(Reminded).map(({ data }) => data.n)).toEqual(Array.from({ length: 20 }, (_, n) => n))
    await expect(
      world.bus.publish([Reminded.create({ basket: 'b', n: 1 }), Reminded.create({ basket: 7, n: 2 } as never)], {
        delay: '1s',
      }),
    ).rejects.toMatchObject({ code: 'TIDINGS_INVALID_EVENT' })
    expect(await world.bus.timers.list()).toEqual([])
  })

  it('is scheduled once, however often a publisher repeats itself under the same id', async () => {
    await using world = await createTestBus()
    const publish = (): Promise<{ readonly scheduled?: { readonly at: number } }> =>
      world.bus.publish(Reminded, { basket: 'b', n: 1 }, { delay: '1h', id: 'r-1' })
    const first = await publish()
    await world.clock.advance('10m')
    expect(await publish()).toMatchObject({ id: 'r-1', scheduled: first.scheduled })
    await world.clock.advance('2h')
    expect(world.published()).toHaveLength(1)
  })

  it('is refused as one of a batch whose ids are the same, or are not one for each', async () => {
    await using world = await createTestBus()
    const both = [1, 2].map((n) => Reminded.create({ basket: `b-${n}`, n }))
    const refused = async (options: PublishOptions, code: string): Promise<void> => {
      const error = { code, details: { field: options.ids === undefined ? 'id' : 'ids' } }
      await expect(world.bus.publish(both, { delay: '1h', ...options })).rejects.toMatchObject(error)
      // As one that is published now.
      await expect(world.bus.publish(both, options)).rejects.toMatchObject({ code })
    }
    await refused({ id: 'x' }, 'TIDINGS_DUPLICATE_ID')
    await refused({ ids: ['x'] }, 'TIDINGS_INVALID_OPTION')
    await refused({ ids: ['x', 'y', 'z'] }, 'TIDINGS_INVALID_OPTION')
    await expect(world.bus.publish(Reminded, { basket: 'b', n: 1 }, { delay: '1h', ids: ['x'] })).rejects.toMatchObject(
      { code: 'TIDINGS_INVALID_OPTION', details: { field: 'ids' } },
    )
    expect(await world.bus.timers.list()).toEqual([])
    const named = { delay: '1h', ids: ['x', 'y'] } as const
    expect(await world.bus.publish(both, named)).toEqual(await world.bus.publish(both, named))
    await world.clock.advance('1h')
    await world.bus.settled()
    expect(world.published(Reminded).map(({ id }) => id)).toEqual(['x', 'y'])
  })

  it('is heard by inline listeners, too', async () => {
    await using world = await createTestBus()
    const heard: string[] = []
    world.bus.subscribe(Reminded, { name: 'inline', mode: 'inline' }, ({ id }) => void heard.push(id))
    const { id } = await world.bus.publish(Reminded, { basket: 'b', n: 1 }, { delay: '1m' })
    await world.clock.advance('1m')
    await world.bus.settled()
    expect(heard).toEqual([id])
  })

  it.each([
    [{ expectedVersion: 0 }, 'TIDINGS_NOT_SUPPORTED'],
    [{ dedupKey: 'k' }, 'TIDINGS_NOT_SUPPORTED'],
    [{ settle: 'broker' as const }, 'TIDINGS_NOT_SUPPORTED'],
    [{ at: 4_000_000_000_000 }, 'TIDINGS_INVALID_OPTION'],
    [{ delay: 'soon' as '1s' }, 'TIDINGS_INVALID_OPTION'],
    [{ delay: '100000d' as const }, 'TIDINGS_INVALID_OPTION'],
    [{ delay: undefined as unknown as '1s', at: new Date(Number.NaN) }, 'TIDINGS_INVALID_OPTION'],
    [{ delay: undefined as unknown as '1s', at: '2030-01-01' as unknown as Date }, 'TIDINGS_INVALID_OPTION'],
  ])('is refused with %o', async (options, code) => {
    await using world = await createTestBus()
    await expect(world.bus.publish(Reminded, { basket: 'b', n: 1 }, { delay: '1m', ...options })).rejects.toMatchObject(
      {
        code,
      },
    )
    expect(await world.bus.timers.list()).toEqual([])
  })

  it('of a type that wants its contents once is refused: nobody can look for them later', async () => {
    const Once = defineEvent('bill.sent', { dedup: 'content' })
    await using world = await createTestBus()
    await expect(world.bus.publish(Once, { id: 'b' }, { delay: '1m' })).rejects.toMatchObject({
      code: 'TIDINGS_NOT_SUPPORTED',
      details: { field: 'dedup' },
    })
  })
})

test('of several instances one publishes what is due, and what was due while nobody ran comes at the next start', async () => {
  const runtime = (clock = virtualRuntime({ seed: 4 }))
  const store = memoryStore()
  const first = await createEventBus({ store, runtime })
  await first.publish(Reminded, { basket: 'b', n: 0 }, { delay: '1m' })
  await runtime.advance(600_000)
  const buses = await Promise.all([1, 2, 3].map(() => createEventBus({ store, runtime })))
  const heard = note(buses[0] as EventBus)
  await Promise.all(buses.map((bus) => bus.start()))
  await runtime.advance(1_000)
  expect(heard).toHaveLength(1)
  for (let n = 1; n <= 50; n++) await first.publish(Reminded, { basket: `b-${n % 7}`, n }, { delay: n * 100 })
  await runtime.advance(10_000)
  expect(heard.map(({ event }) => (event.data as { n: number }).n).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 51 }, (_, n) => n),
  )
  for (const bus of [first, ...buses]) {
    const closing = bus.close()
    await runtime.advance(10_000)
    await closing
  }
})

test.each(Array.from({ length: 20 }, (_, at) => at + 1))(
  'what is due is published once, though answers are lost and instances die; seed %d',
  async (seed) => {
    await using world = await createTestBus({ seed })
    const rules = [
      { what: 'lose answer', chance: 0.2 },
      { what: 'fail', chance: 0.1 },
      { what: 'apply late', chance: 0.1, takes: [1, 2_000] },
    ] as const
    await world.bus.start()
    for (const rule of rules) world.faults.add(rule)
    const scheduled: Promise<unknown>[] = []
    for (let n = 0; n < 30; n++)
      scheduled.push(
        world.bus.publish(Reminded, { basket: `b-${n % 3}`, n }, { delay: 500 + n * 50, id: `r-${n}` }).catch(() => {}),
      )
    await world.clock.advance(1_000)
    world.faults.crash()
    const second = await createTestBus({ beside: world })
    await second.bus.start()
    for (const rule of rules) second.faults.add(rule)
    await second.clock.advance('1m')
    second.faults.heal()
    await second.clock.advance('1m')
    const ids = second.published(Reminded).map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(await second.bus.timers.list()).toEqual([])
    // Nobody knows of the rest: their publishers got no answer.
    expect(ids.length).toBeGreaterThan(15)
    await second.close()
  },
)
