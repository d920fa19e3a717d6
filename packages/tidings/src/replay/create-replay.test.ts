import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { PermanentError } from '../kernel/errors.ts'
import { operationsOf } from '../operations/operations.ts'
import { createTestBus, type TestWorld } from '../testing/create-test-bus.ts'
import { type CreateReplayOptions, createReplay, type Replay } from './create-replay.ts'
import type { TimedProgress } from './follow-with-eta.ts'

interface Count {
  readonly counter: string
  readonly n: number
}
const key = ({ counter }: Count) => counter
const Counted = defineEvent<Count>('counter.counted', { key })
const Renamed = defineEvent<Count>('counter.renamed', { key })
const Heard = defineEvent<{ readonly id: string }>('echo.heard')

/** Follows a replay to its end, while time goes on. */
async function finish({ clock }: TestWorld, replay: Replay): Promise<readonly TimedProgress[]> {
  const all: TimedProgress[] = []
  let failure: unknown
  let open = true
  const following = (async () => {
    for await (const progress of replay.start()) all.push(progress)
  })()
    .catch((error: unknown) => (failure = error))
    .finally(() => (open = false))
  for (let round = 0; round < 2_000 && open; round++) await clock.advance(100)
  await following
  if (failure !== undefined) throw failure as Error
  return all
}

interface History {
  readonly world: TestWorld
  readonly seen: string[]
  readonly called: string[]
  /** What has come through the handler in replays. */
  readonly again: () => readonly string[]
}

/** 40 events of three counters and two tenants, a second apart, all handled. */
async function history(replay: 'safe' | 'unsafe' = 'safe'): Promise<History> {
  const world = await createTestBus()
  const { bus, clock } = world
  const seen: string[] = []
  const called: string[] = []
  bus.subscribe([Counted, Renamed], { name: 'count', replay }, async (event, { replay: isReplay, effect, publish }) => {
    seen.push(`${isReplay ? 'again' : 'live'} ${event.data.n}`)
    await effect('call', () => void called.push(`${event.data.n}`))
    await effect(isReplay ? 'new call' : 'call', () => void called.push(`${isReplay ? 'new ' : ''}${event.data.n}`))
    await publish(Heard, { id: `${event.data.n}` })
  })
  bus.subscribe('**', { name: 'other' }, () => {})
  await bus.start()
  for (let n = 0; n < 40; n++) {
    await bus.publish(
      n % 4 === 3 ? Renamed : Counted,
      { counter: `c-${n % 3}`, n },
      { timestamp: 1_000 * (n % 2 === 0 ? n : n + 2), tenantId: n % 5 === 0 ? 'acme' : 'other' },
    )
  }
  await bus.settled()
  await clock.advance('8s')
  seen.length = 0
  called.length = 0
  return { world, seen, called, again: () => seen.map((line) => line.replace('again ', '')).toSorted(byNumber) }
}

const byNumber = (a: string, b: string): number => Number(a) - Number(b)
const numbers = (matches: (n: number) => boolean): readonly string[] =>
  Array.from({ length: 40 }, (_, n) => n)
    .filter(matches)
    .map(String)
const timeOf = (n: number): number => 1_000 * (n % 2 === 0 ? n : n + 2)
/** Event n stands at this position, for each of them is followed by what its handler published or will stand behind all. */
async function positionOf({ bus }: TestWorld, n: number): Promise<number> {
  for await (const { position, data } of bus.store.query({ types: ['counter.*'] }))
    if ((data as Count).n === n) return position
  return 0
}

describe('a replay', () => {
  const cases: readonly [string, Omit<CreateReplayOptions, 'into'>, (n: number) => boolean][] = [
    ['everything', {}, () => true],
    ['a type', { types: [Renamed] }, (n) => n % 4 === 3],
    ['types by wildcard', { types: ['counter.*', 'echo.*'] }, () => true],
    ['a tenant', { tenant: 'acme' }, (n) => n % 5 === 0],
    [
      'streams',
      { streams: ['acme/counter/c-0', 'other/counter/c-1'] },
      (n) => (n % 5 === 0 ? n % 3 === 0 : n % 3 === 1),
    ],
    ['a time on', { from: new Date(20_000) }, (n) => timeOf(n) >= 20_000],
    ['up to a time', { to: new Date(20_000) }, (n) => timeOf(n) < 20_000],
    [
      'between times, equal ones at both ends',
      { from: new Date(11_000), to: new Date(21_000) },
      (n) => timeOf(n) >= 11_000 && timeOf(n) < 21_000,
    ],
    [
      'all of these',
      { types: [Counted], tenant: 'other', from: new Date(10_000) },
      (n) => n % 4 !== 3 && n % 5 !== 0 && timeOf(n) >= 10_000,
    ],
    ['nothing', { from: new Date(99_000) }, () => false],
  ]
  it.each(cases)('of %s runs through that, and counts it first', async (_what, part, matches) => {
    const { world, again } = await history()
    await using _world = world
    const live = await world.store.find('checkpoints', { prefix: 'count/0/' })
    const other = await world.store.find('checkpoints', { prefix: 'other/' })
    const replay = createReplay(world.bus, { into: 'count', ...part })
    expect((await replay.preview()).count).toBe(numbers(matches).length)
    const progress = await finish(world, replay)
    expect(again()).toEqual(numbers(matches))
    expect(progress.at(-1)).toMatchObject({
      state: 'done',
      share: 1,
      eta: 0,
      count: numbers(matches).length,
      parked: 0,
    })
    expect(await world.store.find('checkpoints', { prefix: 'count/0/' })).toEqual(live)
    expect(await world.store.find('checkpoints', { prefix: 'other/' })).toEqual(other)
  })

  it('runs between positions', async () => {
    const { world, again } = await history()
    await using _world = world
    const [from, to] = [await positionOf(world, 9), await positionOf(world, 30)]
    await finish(world, createReplay(world.bus, { into: 'count', from, to }))
    expect(again()).toEqual(numbers((n) => n > 9 && n <= 30))
  })

  it('calls nothing outside and publishes nothing, unless it is allowed', async () => {
    const { world, called } = await history()
    await using _world = world
    const before = world.published(Heard).length
    const part = { into: 'count', tenant: 'acme' }
    expect(await createReplay(world.bus, part).preview()).toMatchObject({
      subscription: 'count',
      replay: 'safe',
      effects: 'skip',
      recorded: ['call'],
      publishes: 'suppress',
    })
    await finish(world, createReplay(world.bus, part))
    expect(called).toEqual([])
    expect(world.published(Heard)).toHaveLength(before)
    await finish(world, createReplay(world.bus, { ...part, effects: 'allow', publishes: 'allow' }))
    // What has a record is answered from it also then.
    expect(called.toSorted()).toEqual(
      numbers((n) => n % 5 === 0)
        .map((n) => `new ${n}`)
        .toSorted(),
    )
    expect(world.published(Heard)).toHaveLength(before + 8)
  })

  it('tells a handler that its event was not published', async () => {
    await using world = await createTestBus()
    const { bus } = world
    const told: unknown[] = []
    bus.subscribe(Counted, { name: 'count', replay: 'safe' }, async ({ data }, { publish }) => {
      const { suppressed } = await publish(Heard, { id: `${data.n}` })
      told.push(suppressed)
    })
    await bus.publish(Counted, { counter: 'c', n: 1 })
    await bus.settled()
    await finish(world, createReplay(bus, { into: 'count' }))
    expect(told).toEqual([undefined, true])
  })

  it('goes no faster than it is told, and tells how long it will take', async () => {
    const { world, seen } = await history()
    await using _world = world
    const { clock } = world
    const began = clock.runtime.monotonic()
    const times: number[] = []
    const replay = createReplay(world.bus, { into: 'count', rate: 2 })
    const all: TimedProgress[] = []
    const following = (async () => {
      for await (const progress of replay.start()) all.push(progress)
    })()
    for (let round = 0; round < 300; round++) {
      await clock.advance(100)
      while (times.length < seen.length) times.push(clock.runtime.monotonic() - began)
    }
    await following
    expect(times).toHaveLength(40)
    for (let at = 0; at + 2 < times.length; at++)
      expect((times[at + 2] as number) - (times[at] as number)).toBeGreaterThanOrEqual(900)
    expect(times.at(-1)).toBeLessThan(25_000)
    const etas = all.filter(({ share, eta }) => share > 0.3 && share < 0.9 && eta !== undefined)
    expect(etas).not.toEqual([])
    for (const { elapsed, eta } of etas) expect(elapsed + (eta as number)).toBeGreaterThan(10_000)
    expect(all.map(({ share }) => share)).toEqual(all.map(({ share }) => share).toSorted((a, b) => a - b))
  })

  it('is refused by a subscription that is not declared safe', async () => {
    const { world, seen } = await history('unsafe')
    await using _world = world
    const replay = createReplay(world.bus, { into: 'count' })
    expect((await replay.preview()).replay).toBe('unsafe')
    await expect(finish(world, replay)).rejects.toMatchObject({ code: 'TIDINGS_NOT_SUPPORTED' })
    expect(seen).toEqual([])
    expect(await world.store.find('replays')).toEqual([])
  })

  it('is refused where another process runs the subscription, which is not declared safe there', async () => {
    const { world } = await history('unsafe')
    await using _world = world
    await using asking = await createTestBus({ beside: world })
    const replay = createReplay(asking.bus, { into: 'count' })
    expect((await replay.preview()).replay).toBe('elsewhere')
    await expect(finish(asking, replay)).rejects.toMatchObject({ code: 'TIDINGS_NOT_SUPPORTED' })
  })

  it('is carried out by whichever process runs the subscription', async () => {
    const { world, again } = await history()
    await using _world = world
    await using asking = await createTestBus({ beside: world })
    const progress = await finish(asking, createReplay(asking.bus, { into: 'count' }))
    expect(progress.at(-1)?.state).toBe('done')
    expect(again()).toEqual(numbers(() => true))
  })

  it('ends when it is cancelled', async () => {
    const { world, seen } = await history()
    await using _world = world
    const replay = createReplay(world.bus, { into: 'count', rate: 1 })
    expect(await replay.cancel()).toBe(false)
    const following = finish(world, replay)
    await world.clock.advance('3s')
    expect(await replay.cancel()).toBe(true)
    expect((await following).at(-1)?.state).toBe('cancelled')
    const handled = seen.length
    await world.clock.advance('1m')
    expect(handled).toBeLessThan(20)
    expect(seen.length - handled).toBeLessThan(3)
    expect(await replay.cancel()).toBe(false)
  })

  it('goes on where it stood after a crash, for who asks again in the same words', async () => {
    const { world: first, again } = await history()
    await using _world = first
    const ask: CreateReplayOptions = { into: 'count', types: [Counted, Renamed], rate: 4 }
    // Whoever waited for it died with the process.
    void createReplay(first.bus, ask).start()[Symbol.asyncIterator]().next()
    await first.clock.advance('4s')
    first.faults.crash()
    const before = again().length
    expect(before).toBeGreaterThan(3)
    expect(before).toBeLessThan(35)
    await using second = await createTestBus({ beside: first })
    const later: string[] = []
    second.bus.subscribe([Counted, Renamed], { name: 'count', replay: 'safe' }, ({ data }, { replay }) => {
      if (replay) later.push(`${data.n}`)
    })
    await second.bus.start()
    await second.clock.advance('10s')
    const progress = await finish(second, createReplay(second.bus, ask))
    expect(progress.at(-1)).toMatchObject({ run: 1, state: 'done' })
    expect([...new Set([...again(), ...later])].toSorted(byNumber)).toEqual(numbers(() => true))
    // What was handled shortly before the crash may come again, no more than that.
    expect(later.length).toBeLessThan(40)
    const [another] = await finish(second, createReplay(second.bus, ask))
    expect(another?.run).toBe(2)
  })

  it('tells of what it has set aside', async () => {
    await using world = await createTestBus()
    const { bus } = world
    bus.subscribe(Counted, { name: 'count', replay: 'safe' }, ({ data }, { replay }) => {
      if (replay && data.n === 1) throw new PermanentError('poison')
    })
    for (const n of [0, 1, 2]) await bus.publish(Counted, { counter: `c-${n}`, n })
    await bus.settled()
    const progress = await finish(world, createReplay(bus, { into: 'count' }))
    expect(progress.at(-1)).toMatchObject({ state: 'done', parked: 1 })
    expect(world.parked().map(({ run }) => run)).toEqual([1])
  })

  it('leaves an entry in the audit where operators ask for it', async () => {
    const { world } = await history()
    await using _world = world
    const operations = operationsOf(world.bus)
    await operations.replays.start({ subscription: 'count', tenant: 'acme', rate: 100, by: 'ada' })
    expect(await operations.audit()).toMatchObject([
      { action: 'replay', by: 'ada', matched: 8, filter: { subscription: 'count', run: 1, tenant: 'acme', rate: 100 } },
    ])
  })
})

describe('a replay into a handler of its own', () => {
  it('runs history through it, and touches nothing else', async () => {
    const { world, seen } = await history()
    await using _world = world
    const sum = new Map<string, number>()
    const replay = createReplay(world.bus, {
      into: {
        name: 'recount',
        on: Counted,
        handler: ({ data, key: counter }, context) => {
          expect(context).toMatchObject({ replay: true, subscription: 'recount' })
          sum.set(counter, (sum.get(counter) ?? 0) + (data as Count).n)
        },
      },
    })
    expect(await replay.preview()).toMatchObject({ count: 30, subscription: 'recount', replay: 'safe', recorded: [] })
    const progress = await finish(world, replay)
    expect(progress.at(-1)).toMatchObject({ state: 'done', count: 30 })
    const expected = numbers((n) => n % 4 !== 3).map(Number)
    expect([...sum.values()].reduce((a, b) => a + b, 0)).toBe(expected.reduce((a, b) => a + b, 0))
    expect(seen).toEqual([])
    expect(await world.store.find('subscriptions', { id: 'recount' })).toEqual([])
  })

  it('keeps order per stream and tries again what fails', async () => {
    const { world } = await history()
    await using _world = world
    const order = new Map<string, number[]>()
    let failures = 3
    const replay = createReplay(world.bus, {
      into: {
        name: 'recount',
        on: 'counter.*',
        retry: { tries: 5 },
        handler: ({ data, key: counter, context: { tenantId } }) => {
          const { n } = data as Count
          if (n === 6 && failures-- > 0) throw new Error('not yet')
          const stream = `${tenantId}/${counter}`
          order.set(stream, [...(order.get(stream) ?? []), n])
        },
      },
    })
    expect((await finish(world, replay)).at(-1)?.state).toBe('done')
    expect([...order.values()].flat()).toHaveLength(40)
    for (const ns of order.values()) expect(ns).toEqual(ns.toSorted((a, b) => a - b))
  })

  it('is refused under the name of a subscription, and before the bus has started', async () => {
    const { world } = await history()
    await using _world = world
    const handler = (): void => {}
    await expect(
      finish(world, createReplay(world.bus, { into: { name: 'count', on: Counted, handler } })),
    ).rejects.toMatchObject({ code: 'TIDINGS_SUBSCRIPTION_EXISTS' })
  })
})

describe('what no replay can be asked for', () => {
  it.each<[string, object, string]>([
    ['a place', { from: 'yesterday' }, '`from`'],
    ['a date', { to: new Date('nonsense') }, '`to`'],
    ['a position', { from: -1 }, '`from`'],
    ['types', { types: 'counter.counted' }, '`types`'],
    ['a type', { types: ['a..b'] }, 'type'],
    ['a stream', { streams: ['nonsense'] }, '`stream`'],
    ['a tenant', { tenant: '' }, '`tenant`'],
    ['a rate', { rate: 0 }, '`rate`'],
    ['effects', { effects: 'maybe' }, '`effects`'],
    ['publishes', { publishes: true }, '`publishes`'],
    ['a name', { into: { name: '', on: Counted, handler: () => {} } }, '`name`'],
    ['a handler', { into: { name: 'a', on: Counted, handler: 7 } }, '`handler`'],
    ['an event', { into: { name: 'a', on: [], handler: () => {} } }, 'event type'],
  ])('is told by its field: %s', async (_what, wrong, field) => {
    await using world = await createTestBus()
    const ask = () => createReplay(world.bus, { into: 'count', ...wrong })
    expect(ask).toThrow(
      expect.objectContaining({ code: 'TIDINGS_INVALID_OPTION', message: expect.stringContaining(field) }),
    )
  })

  it('is told of a subscription that nobody knows', async () => {
    await using world = await createTestBus()
    const replay = createReplay(world.bus, { into: 'nobody' })
    await expect(replay.preview()).rejects.toMatchObject({ code: 'TIDINGS_NOT_FOUND' })
    await expect(finish(world, replay)).rejects.toMatchObject({ code: 'TIDINGS_NOT_FOUND' })
  })
})
