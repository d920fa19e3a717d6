import { describe, expect, it } from 'vitest'
import { runWithContext } from '../events/ambient-context.ts'
import { defineEvent } from '../events/define-event.ts'
import { isEvent } from '../events/is-event.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { decide } from './decide.ts'
import { decideAll } from './decide-all.ts'
import { defineAggregate } from './define-aggregate.ts'
import { load } from './load.ts'

interface Quantity {
  readonly sku: string
  readonly quantity: number
}
const key = ({ sku }: Quantity) => sku
const Received = defineEvent<Quantity>('stock.received', { key })
const Reserved = defineEvent<Quantity>('stock.reserved', { key })
const Refused = defineEvent<Quantity>('stock.refused', { key })

interface Stock {
  readonly onHand: number
  readonly reserved: number
}
const initial: Stock = { onHand: 0, reserved: 0 }
const options = {
  initial,
  on: [Received, Reserved, Refused],
  evolve(state: Stock, event: Parameters<typeof isEvent>[0]): Stock {
    if (isEvent(event, Received)) return { ...state, onHand: state.onHand + event.data.quantity }
    if (isEvent(event, Reserved)) return { ...state, reserved: state.reserved + event.data.quantity }
    return state
  },
}
const stock = defineAggregate('stock', options)
/** The same streams, with snapshots. */
const counted = defineAggregate('stock', { ...options, name: 'counted', snapshot: { every: 1 } })
const receive = (sku: string, quantity: number) => () => Received.create({ sku, quantity })
const reserve = (sku: string, quantity: number) => (state: Stock) =>
  (state.onHand - state.reserved >= quantity ? Reserved : Refused).create({ sku, quantity })

describe('a decision', () => {
  it('is made over the state, written, and answers the state after it', async () => {
    await using world = await createTestBus()
    const { bus } = world
    expect(await decide(bus, stock, 'tea', receive('tea', 5))).toMatchObject({
      state: { onHand: 5, reserved: 0 },
      version: 1,
      attempts: 1,
      receipts: [{ streamVersion: 1, position: 1 }],
      events: [{ type: 'stock.received', data: { sku: 'tea', quantity: 5 } }],
    })
    const reserved = await decide(bus, stock, 'tea', reserve('tea', 4))
    expect(reserved).toMatchObject({ state: { onHand: 5, reserved: 4 }, version: 2 })
    const refused = await decide(bus, stock, 'tea', async (state) => reserve('tea', 4)(state))
    expect(refused.events.map(({ type }) => type)).toEqual(['stock.refused'])
    expect(await load(bus, stock, 'tea')).toEqual({ state: { onHand: 5, reserved: 4 }, version: 3 })
    expect(await load(bus, stock, 'tea', { upTo: 1 })).toEqual({ state: { onHand: 5, reserved: 0 }, version: 1 })
    expect(await load(bus, stock, 'rum')).toEqual({ state: initial, version: 0 })
  })

  it('may be for nothing, or for several events at once', async () => {
    await using world = await createTestBus()
    const { bus, published } = world
    for (const nothing of [undefined, null, []])
      expect(await decide(bus, stock, 'tea', () => nothing)).toMatchObject({ version: 0, events: [], receipts: [] })
    const two = [Received.create({ sku: 'tea', quantity: 2 }), Reserved.create({ sku: 'tea', quantity: 1 })]
    expect(await decide(bus, stock, 'tea', () => two)).toMatchObject({ version: 2, state: { onHand: 2, reserved: 1 } })
    expect(published()).toHaveLength(2)
  })

  it('keeps tenants apart, and takes the tenant of its surroundings', async () => {
    await using world = await createTestBus()
    const { bus } = world
    await decide(bus, stock, 'tea', receive('tea', 1), { tenantId: 'acme' })
    await runWithContext({ tenantId: 'other' }, () => decide(bus, stock, 'tea', receive('tea', 2)))
    const onHand = async (tenantId?: string): Promise<number> =>
      (await load(bus, stock, 'tea', tenantId === undefined ? {} : { tenantId })).state.onHand
    expect([await onHand('acme'), await onHand('other'), await onHand()]).toEqual([1, 2, 0])
  })

  it('never meets the same key of another category', async () => {
    await using world = await createTestBus()
    const { bus } = world
    const Counted = defineEvent<Quantity>('shelf.counted', { key })
    const shelf = defineAggregate('shelf', { initial: 0, on: [Counted], evolve: (n) => n + 1 })
    await decide(bus, stock, 'tea', receive('tea', 1))
    expect(await decide(bus, shelf, 'tea', () => Counted.create({ sku: 'tea', quantity: 9 }))).toMatchObject({
      state: 1,
    })
    expect(await load(bus, stock, 'tea')).toMatchObject({ version: 1 })
  })

  it('carries the surroundings into its events: who, why, when', async () => {
    await using world = await createTestBus()
    await decide(world.bus, stock, 'tea', receive('tea', 1), { userId: 'u-1', correlationId: 'req-1', timestamp: 7 })
    expect(world.published()).toMatchObject([{ timestamp: 7, context: { userId: 'u-1', correlationId: 'req-1' } }])
  })

  it('that throws writes nothing', async () => {
    await using world = await createTestBus()
    const { bus, published } = world
    const fail = () => {
      throw new RangeError('no')
    }
    await expect(decide(bus, stock, 'tea', fail)).rejects.toThrow(RangeError)
    await expect(decide(bus, stock, 'tea', async () => fail())).rejects.toThrow(RangeError)
    expect(published()).toEqual([])
  })

  it('is heard by subscriptions, inline ones before it answers', async () => {
    await using world = await createTestBus()
    const { bus } = world
    const heard: string[] = []
    bus.subscribe('stock.*', { name: 'inline', mode: 'inline' }, ({ type }) => void heard.push(`inline ${type}`))
    bus.subscribe('stock.*', { name: 'queued' }, ({ type }) => void heard.push(`queued ${type}`))
    await decide(bus, stock, 'tea', receive('tea', 1))
    expect(heard).toContain('inline stock.received')
    await bus.settled()
    expect(heard.toSorted()).toEqual(['inline stock.received', 'queued stock.received'])
  })
})

describe('a decision that somebody else was faster than', () => {
  const beaten = (times: number) => {
    let left = times
    return (interfere: () => Promise<unknown>) => async (state: Stock) => {
      if (left-- > 0) await interfere()
      return reserve('tea', 1)(state)
    }
  }

  it('is made again over what they have written', async () => {
    await using world = await createTestBus()
    const { bus } = world
    await decide(bus, stock, 'tea', receive('tea', 2))
    const seen: string[] = []
    const slow = beaten(2)(() => decide(bus, stock, 'tea', reserve('tea', 1)))
    const last = await decide(bus, stock, 'tea', (state, { version, attempt }) => {
      seen.push(`${attempt} at ${version}: ${state.reserved}`)
      return slow(state)
    })
    expect(seen).toEqual(['1 at 1: 0', '2 at 2: 1', '3 at 3: 2'])
    expect(last).toMatchObject({ attempts: 3, version: 4, events: [{ type: 'stock.refused' }] })
  })

  it('waits for its turn behind others of its process, so that fifty need no more than a hundred tries', async () => {
    await using world = await createTestBus()
    const { bus } = world
    const decisions = await Promise.all(Array.from({ length: 50 }, () => decide(bus, stock, 'tea', receive('tea', 1))))
    expect(decisions.map(({ version }) => version).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, at) => at + 1),
    )
    expect(decisions.reduce((sum, { attempts }) => sum + attempts, 0)).toBeLessThan(150)
  })

  it('waits for its turn no longer than its deadline, and those behind it keep theirs', async () => {
    await using world = await createTestBus()
    const { bus, clock, published } = world
    const gate = Promise.withResolvers<void>()
    /** Beaten at its first try; what it does at the second is said. */
    const second =
      (quantity: number, wait?: Promise<void>) =>
      async (_state: Stock, { attempt }: { attempt: number }) => {
        if (attempt === 1) await bus.publish(Received, { sku: 'tea', quantity: 0 })
        else await wait
        return Received.create({ sku: 'tea', quantity })
      }
    const hanging = decide(bus, stock, 'tea', second(1, gate.promise))
    await clock.advance('1s')
    const began = clock.now()
    const timers = clock.runtime.pending
    const ends: [string, number][] = []
    const told = (name: string) => (error: unknown) => {
      expect(error).toMatchObject({ code: 'TIDINGS_DEADLINE', details: { field: 'deadline' } })
      ends.push([name, clock.now() - began])
    }
    decide(bus, stock, 'tea', second(2), { deadline: '5s' }).catch(told('short'))
    decide(bus, stock, 'tea', second(3)).catch(told('by default'))
    const patient = decide(bus, stock, 'tea', second(4), { deadline: '10m' })
    const next = decide(bus, stock, 'tea', second(5), { deadline: '10m' })
    await clock.advance('1m')
    expect(ends).toEqual([
      ['short', 5_000],
      ['by default', 30_000],
    ])
    gate.resolve()
    await Promise.all([hanging, patient, next])
    const quantities = published(Received).map(({ data }) => data.quantity)
    expect(quantities.filter((quantity) => quantity > 0)).toEqual([1, 4, 5])
    expect(clock.runtime.pending).toBe(timers)
  })

  it('that gives up waiting keeps nobody from other streams that it asked for', async () => {
    await using world = await createTestBus()
    const { bus, clock } = world
    const gate = Promise.withResolvers<void>()
    const again =
      (sku: string, wait?: Promise<void>) =>
      async (_state: unknown, { attempt }: { attempt: number }) => {
        if (attempt === 1) await bus.publish(Received, { sku, quantity: 1 })
        else await wait
        return Received.create({ sku, quantity: 1 })
      }
    const hanging = decide(bus, stock, 'rum', again('rum', gate.promise))
    await clock.advance('1s')
    const both = [
      [stock, 'ale'],
      [stock, 'rum'],
    ] as const
    const given = expect(decideAll(bus, both, again('ale'), { deadline: '5s' })).rejects.toMatchObject({
      code: 'TIDINGS_DEADLINE',
    })
    await clock.advance('1s')
    // It waits behind the one that waits for both, and no longer than that.
    const behind = decide(bus, stock, 'ale', again('ale'), { deadline: '1m' })
    await clock.advance('5s')
    await given
    expect(await behind).toMatchObject({ attempts: 2 })
    gate.resolve()
    await hanging
  })

  it('never waits for a decision that it is a part of', async () => {
    await using world = await createTestBus()
    const { bus } = world
    const nested = (sku: string, other: string, depth: number) => (): Promise<unknown> =>
      decide(bus, stock, sku, async () => {
        if (depth > 0) await nested(depth % 2 === 0 ? sku : other, other, depth - 1)()
        return Received.create({ sku, quantity: 1 })
      })
    const both = await Promise.allSettled([nested('tea', 'rum', 3)(), nested('rum', 'tea', 3)()])
    for (const outcome of both)
      expect(outcome.status === 'rejected' ? outcome.reason : undefined).toBeOneOf([
        undefined,
        expect.objectContaining({ code: 'TIDINGS_CONFLICT' }),
      ])
  })

  it('is given up after as many tries as are allowed, and its caller is told', async () => {
    await using world = await createTestBus()
    const { bus, published } = world
    const always = beaten(100)(() => bus.publish(Received, { sku: 'tea', quantity: 1 }))
    await expect(decide(bus, stock, 'tea', always, { tries: 3 })).rejects.toMatchObject({ code: 'TIDINGS_CONFLICT' })
    expect(published(Received)).toHaveLength(3)
    expect(published(Reserved)).toEqual([])
  })

  it('is not made again where its caller has named the version', async () => {
    await using world = await createTestBus()
    const { bus, published } = world
    await decide(bus, stock, 'tea', receive('tea', 2))
    const conflict = { code: 'TIDINGS_CONFLICT', details: { expected: 0, actual: 1 } }
    await expect(decide(bus, stock, 'tea', reserve('tea', 1), { expectedVersion: 0 })).rejects.toMatchObject(conflict)
    const slow = beaten(1)(() => bus.publish(Received, { sku: 'tea', quantity: 1 }))
    await expect(decide(bus, stock, 'tea', slow, { expectedVersion: 1 })).rejects.toMatchObject({
      code: 'TIDINGS_CONFLICT',
    })
    expect(published(Reserved)).toEqual([])
  })
})

describe('a command with a name', () => {
  it('is carried out once', async () => {
    await using world = await createTestBus()
    const { bus, published } = world
    const command = { commandId: 'cmd-1' }
    await decide(bus, stock, 'tea', receive('tea', 5), command)
    const again = await decide(bus, stock, 'tea', receive('tea', 5), command)
    expect(again).toMatchObject({ repeated: true, state: { onHand: 5 }, version: 1, events: [], receipts: [] })
    expect(published().map(({ id }) => id)).toEqual(['cmd-1/1'])
    expect(await decide(bus, stock, 'tea', receive('tea', 5), { commandId: 'cmd-2' })).toMatchObject({ version: 2 })
  })

  it('is carried out once also when it comes twice at the same time, or between two looks', async () => {
    await using world = await createTestBus()
    const { bus, published } = world
    const both = await Promise.all(
      [1, 2].map(() => decide(bus, stock, 'tea', receive('tea', 5), { commandId: 'cmd-1' })),
    )
    expect(both.map(({ version, state }) => [version, state.onHand])).toEqual([
      [1, 5],
      [1, 5],
    ])
    let inner: unknown
    const outer = await decide(
      bus,
      stock,
      'tea',
      async (state) => {
        inner ??= await decide(bus, stock, 'tea', reserve('tea', 2), { commandId: 'cmd-2' })
        return Array.from({ length: 2 }, () => reserve('tea', 1)(state))
      },
      { commandId: 'cmd-2' },
    )
    expect(outer).toMatchObject({ repeated: true, version: 2, state: { reserved: 2 } })
    expect(published()).toHaveLength(2)
  })

  it.each([
    ['at a later version', 1, 5],
    ['at the same version, with another outcome', 0, 7],
  ])('is told as it was carried out by whoever was faster: %s', async (_name, between, quantity) => {
    await using world = await createTestBus()
    const { bus, published } = world
    await decide(bus, counted, 'tea', receive('tea', 1))
    let raced = false
    const slower = await decide(
      bus,
      counted,
      'tea',
      async () => {
        if (!raced) {
          raced = true
          for (let n = 0; n < between; n++) await decide(bus, stock, 'tea', receive('tea', 100))
          await decide(bus, stock, 'tea', receive('tea', quantity), { commandId: 'cmd-1' })
        }
        return Received.create({ sku: 'tea', quantity: 5 })
      },
      { commandId: 'cmd-1' },
    )
    const onHand = 1 + 100 * between + quantity
    const version = 2 + between
    expect(slower).toMatchObject({ repeated: true, state: { onHand }, version, events: [], receipts: [], attempts: 1 })
    await bus.settled()
    const truth = { state: { onHand, reserved: 0 }, version }
    expect([await load(bus, counted, 'tea'), await load(bus, stock, 'tea')]).toEqual([truth, truth])
    // Nor is what was never so kept for later.
    await decide(bus, counted, 'tea', receive('tea', 1))
    expect((await load(bus, counted, 'tea')).state).toEqual({ onHand: onHand + 1, reserved: 0 })
    expect(published()).toHaveLength(3 + between)
  })

  it.each(['memory', 'store'] as const)(
    'is not told as repeated where the answer to its own commit was lost: %s',
    async (durability) => {
      const store = memoryStore()
      await using world = await createTestBus({
        store: { ...store, capabilities: { ...store.capabilities, durability } },
        faults: [{ what: 'lose answer', at: 'publish', times: 1 }],
      })
      const { bus, clock, published } = world
      const deciding = decide(bus, stock, 'tea', receive('tea', 5), { commandId: 'cmd-1' })
      await clock.advance('1m')
      const decided = await deciding
      expect(world.faults.struck.get('lose answer')).toBe(1)
      expect(decided).toMatchObject({ state: { onHand: 5 }, version: 1, events: [{ id: 'cmd-1/1' }] })
      expect(decided).not.toHaveProperty('repeated')
      expect(published()).toHaveLength(1)
    },
  )
})

describe('a decision over several things', () => {
  const move =
    (quantity: number) =>
    ([from]: readonly [Stock, Stock]) =>
      from.onHand >= quantity
        ? [Received.create({ sku: 'tea', quantity: -quantity }), Received.create({ sku: 'rum', quantity })]
        : []

  it('is written in one commit', async () => {
    await using world = await createTestBus()
    const { bus, published } = world
    await decide(bus, stock, 'tea', receive('tea', 5))
    const moved = await decideAll(
      bus,
      [
        [stock, 'tea'],
        [stock, 'rum'],
      ],
      move(2),
      { commandId: 'move-1' },
    )
    expect(moved).toMatchObject({ states: [{ onHand: 3 }, { onHand: 2 }], versions: [2, 1] })
    const again = await decideAll(
      bus,
      [
        [stock, 'tea'],
        [stock, 'rum'],
      ],
      move(2),
      { commandId: 'move-1' },
    )
    expect(again).toMatchObject({ repeated: true, versions: [2, 1] })
    expect(published()).toHaveLength(3)
  })

  it('is made again where one of them has changed, also one that was only looked at', async () => {
    await using world = await createTestBus()
    const { bus } = world
    await decide(bus, stock, 'tea', receive('tea', 5))
    let interfered = false
    const { attempts } = await decideAll(
      bus,
      [
        [stock, 'tea'],
        [stock, 'rum'],
      ],
      async ([tea]) => {
        if (!interfered) {
          interfered = true
          await decide(bus, stock, 'tea', receive('tea', 1))
        }
        return Received.create({ sku: 'rum', quantity: tea.onHand })
      },
    )
    expect(attempts).toBe(2)
    expect(await load(bus, stock, 'rum')).toMatchObject({ state: { onHand: 6 }, version: 1 })
  })
})

describe('what is refused', () => {
  const cases: readonly [string, (bus: never) => Promise<unknown>, object][] = [
    [
      'an event of another key',
      (bus) => decide(bus, stock, 'tea', receive('rum', 1)),
      { code: 'TIDINGS_INVALID_EVENT' },
    ],
    [
      'an event of another category',
      (bus) =>
        decide(bus, stock, 'tea', () =>
          defineEvent<Quantity>('shelf.counted', { key }).create({ sku: 'tea', quantity: 1 }),
        ),
      { code: 'TIDINGS_INVALID_EVENT', details: { field: 'stream' } },
    ],
    [
      'an event of another tenant',
      (bus) => decide(bus, stock, 'tea', () => Received.create({ sku: 'tea', quantity: 1 }, { tenantId: 'other' })),
      { code: 'TIDINGS_INVALID_EVENT' },
    ],
    [
      'an event that the aggregate does not list',
      (bus) =>
        decide(bus, stock, 'tea', () =>
          defineEvent<Quantity>('stock.lost', { key }).create({ sku: 'tea', quantity: 1 }),
        ),
      { code: 'TIDINGS_UPGRADE_NEEDED', details: { type: 'stock.lost' } },
    ],
    ['no event at all', (bus) => decide(bus, stock, 'tea', () => 'tea' as never), { code: 'TIDINGS_INVALID_EVENT' }],
    ['a key that is none', (bus) => decide(bus, stock, 7 as never, () => []), { code: 'TIDINGS_INVALID_EVENT' }],
    [
      'an aggregate that is none',
      (bus) => decide(bus, {} as never, 'tea', () => []),
      { details: { field: 'aggregate' } },
    ],
    ['no try', (bus) => decide(bus, stock, 'tea', () => [], { tries: 0 }), { details: { field: 'tries' } }],
    [
      'a wrong version',
      (bus) => decide(bus, stock, 'tea', () => [], { expectedVersion: -1 }),
      { details: { field: 'expectedVersion' } },
    ],
    [
      'a wrong handler',
      (bus) => decide(bus, stock, 'tea', () => [], { within: {} as never }),
      { details: { field: 'within' } },
    ],
    [
      'a thing named twice',
      (bus) =>
        decideAll(
          bus,
          [
            [stock, 'a'],
            [stock, 'a'],
          ],
          () => [],
        ),
      { details: { field: 'targets' } },
    ],
    ['no thing', (bus) => decideAll(bus, [], () => []), { details: { field: 'targets' } }],
    ['a wrong place in history', (bus) => load(bus, stock, 'tea', { upTo: -1 }), { details: { field: 'upTo' } }],
  ]
  it.each(cases)('%s', async (_what, attempt, refused) => {
    await using world = await createTestBus()
    await expect(attempt(world.bus as never)).rejects.toMatchObject(refused)
    expect(world.published()).toEqual([])
  })

  it('a bus that is closed', async () => {
    const world = await createTestBus()
    await world.close()
    await expect(decide(world.bus, stock, 'tea', receive('tea', 1))).rejects.toMatchObject({ code: 'TIDINGS_CLOSED' })
  })
})
