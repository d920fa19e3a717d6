import { describe, expect, it } from 'vitest'

import { passedByAll } from '../bus/retention.ts'
import { defineEvent } from '../events/define-event.ts'
import { PermanentError } from '../kernel/errors.ts'
import { operationsOf } from '../operations/operations.ts'
import { createReplay } from '../replay/create-replay.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { Store } from '../store/store.ts'
import { createTestBus, type TestWorld } from '../testing/create-test-bus.ts'
import { logTransport } from '../transport/log/log-transport.ts'
import { putReplay, type ReplayRun, replaysCollection } from './replay-run.ts'

const Counted = defineEvent<{ readonly n: number }>('counter.counted', { key: () => 'c' })

async function ask(store: Store, upTo = 1, after = 0): Promise<void> {
  const run: ReplayRun = { subscription: 'count', run: 1, after, upTo, state: 'open', by: 'ops', at: 0 }
  await store.commit([{ documents: [putReplay(run)] }])
}

async function replayIn(store: Store): Promise<ReplayRun> {
  return JSON.parse((await store.find(replaysCollection))[0]?.body as string) as ReplayRun
}

const cared = async (store: Store): Promise<number> =>
  (await store.find(replaysCollection, { by: { index: 'care' } })).length

describe('a replay', () => {
  it('is not done before what waits for its retry has been handled', async () => {
    await using world = await createTestBus()
    const { bus, clock, store } = world
    let replayed = 0
    const retry = { tries: 3, backoff: [60_000], parkAbove: 0 }
    bus.subscribe(Counted, { name: 'count', replay: 'safe', retry }, (_event, { replay, attempt }) => {
      if (!replay) return
      if (attempt === 1) throw new Error('not yet')
      replayed++
    })
    await bus.publish(Counted, { n: 1 })
    await bus.settled()
    await ask(store)
    await clock.advance('30s')
    expect({ replayed, state: (await replayIn(store)).state }).toEqual({ replayed: 0, state: 'open' })
    await clock.advance('1m')
    expect({ replayed, state: (await replayIn(store)).state }).toEqual({ replayed: 1, state: 'done' })
    expect(world.parked()).toEqual([])
  })

  it('that could not begin is begun again', async () => {
    let failures = 2
    await using world = await createTestBus({
      transport: (over, host) => {
        const inner = logTransport(over, host, { poll: 1_000 })
        return {
          ...inner,
          capabilities: inner.capabilities,
          subscribe: (options, sink) =>
            options.group === 'count/1' && failures-- > 0
              ? Promise.reject(new Error('the group cannot be joined'))
              : inner.subscribe(options, sink),
          close: () => inner.close(),
        }
      },
    })
    const { bus, clock, store } = world
    let replayed = 0
    bus.subscribe(Counted, { name: 'count', replay: 'safe' }, (_event, { replay }) => {
      if (replay) replayed++
    })
    await bus.publish(Counted, { n: 1 })
    await ask(store)
    await clock.advance('20s')
    expect({ failures, replayed, state: (await replayIn(store)).state }).toEqual({
      failures: -1,
      replayed: 1,
      state: 'done',
    })
  })

  it('of nothing is done at once', async () => {
    await using world = await createTestBus()
    const { bus, clock, store } = world
    bus.subscribe(Counted, { name: 'count', replay: 'safe' }, () => {})
    await bus.settled()
    await ask(store, 0)
    await clock.advance('5s')
    expect((await replayIn(store)).state).toBe('done')
  })
})

describe('what a replay leaves parked', () => {
  const handled: number[] = []
  let mended = false

  async function service(store: Store, instance?: TestWorld): Promise<TestWorld> {
    const world = await createTestBus(instance === undefined ? { store } : { beside: instance })
    world.bus.subscribe(Counted, { name: 'count', replay: 'safe' }, ({ data: { n } }, { replay }) => {
      if (!replay) return
      if (n === 1 && !mended) throw new PermanentError('poison')
      handled.push(n)
    })
    await world.bus.start()
    return world
  }

  it('has an owner when the replay is done, also after a restart, and until nothing is left', async () => {
    const store = memoryStore({ partitions: 2 })
    mended = false
    handled.length = 0
    const first = await service(store)
    for (const n of [1, 2, 3]) await first.bus.publish(Counted, { n })
    await ask(store, 3)
    await first.clock.advance('20s')
    expect(await replayIn(store)).toMatchObject({ state: 'done', leftovers: true })
    expect(first.parked().map(({ state, run }) => `${state} ${run}`)).toEqual(['dead 1', 'behind 1', 'behind 1'])
    await first.close()

    await using second = await service(store)
    await second.clock.advance('5s')
    mended = true
    await operationsOf(second.bus).parked.redrive({ subscription: 'count' })
    await second.clock.advance('20s')
    expect({ handled, parked: await store.find('parked'), requests: await store.find('requests') }).toEqual({
      handled: [1, 2, 3],
      parked: [],
      requests: [],
    })
    expect(await cared(store)).toBe(0)
    expect(await replayIn(store)).not.toHaveProperty('leftovers')
  })

  it('goes with a replay that is cancelled, so that it does not hold the log', async () => {
    const store = memoryStore({ partitions: 2 })
    mended = false
    await using world = await service(store)
    const { bus, clock } = world
    for (const n of [1, 2, 3]) await bus.publish(Counted, { n })
    await ask(store, 1_000_000)
    await clock.advance('10s')
    expect(world.parked()).toHaveLength(3)
    expect(await operationsOf(bus).replays.cancel({ subscription: 'count', run: 1 })).toBe(true)
    await clock.advance('10s')
    expect(world.parked()).toEqual([])
    await bus.publish(Counted, { n: 4 })
    await clock.advance('2m')
    expect({ through: await passedByAll(store), cared: await cared(store) }).toEqual({ through: 4, cared: 0 })
  })

  it.each([
    ['open', { rate: 1 }],
    ['done', {}],
  ] as const)(
    'goes with one that is %s and is cancelled when nobody has its handler any more',
    async (state, options) => {
      const store = memoryStore({ partitions: 2 })
      const first = await createTestBus({ store })
      for (let n = 1; n <= 60; n++) await first.bus.publish(Counted, { n })
      await first.bus.start()
      const handler = (): void => {
        throw new PermanentError('poison')
      }
      const recount = createReplay(first.bus, { into: { name: 'recount', on: Counted, handler }, ...options })
      const asked = recount
        .start()
        [Symbol.asyncIterator]()
        .next()
        .catch(() => {})
      await first.clock.advance('20s')
      await asked
      expect({ parks: first.parked().length > 2, state: (await replayIn(store)).state }).toEqual({ parks: true, state })
      await first.close()

      await using second = await createTestBus({ store })
      await second.bus.start()
      const { replays } = operationsOf(second.bus)
      expect(await replays.cancel({ subscription: 'recount', run: 1 })).toBe(true)
      await second.clock.advance('2m')
      expect(await store.find('parked')).toEqual([])
      expect({ through: await passedByAll(store), cared: await cared(store) }).toEqual({ through: 60, cared: 0 })
      expect(await replays.cancel({ subscription: 'recount', run: 1 })).toBe(false)
    },
  )
})
