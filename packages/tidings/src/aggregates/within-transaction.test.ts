import { describe, expect, it } from 'vitest'

import type { TransactionContext } from '../bus/event-bus.ts'
import { defineEvent } from '../events/define-event.ts'
import { isEvent } from '../events/is-event.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { SqlStore } from '../store/sql-store.ts'
import type { Store, Unit } from '../store/store.ts'
import { createTestBus, type TestWorld } from '../testing/create-test-bus.ts'
import { decide } from './decide.ts'
import { decideAll } from './decide-all.ts'
import { defineAggregate } from './define-aggregate.ts'
import { load } from './load.ts'

interface Sku {
  readonly sku: string
}
const key = ({ sku }: Sku) => sku
const Taken = defineEvent<Sku>('stock.taken', { key })
const Refused = defineEvent<Sku>('stock.refused', { key })
const Told = defineEvent<Sku>('mail.told', { key })
const evolve = (left: number, event: Parameters<typeof isEvent>[0]) => (isEvent(event, Taken) ? left - 1 : left)
const stock = defineAggregate('stock', { initial: 2, on: [Taken, Refused], evolve, snapshot: { every: 2 } })
/** Another look at the same streams. */
const refusals = defineAggregate('stock', {
  name: 'refusals',
  initial: 0,
  on: [Taken, Refused],
  evolve: (count, event) => (isEvent(event, Refused) ? count + 1 : count),
})
const take = (sku: string) => (left: number) => (left > 0 ? Taken : Refused).create({ sku })

/** In memory; other units may be committed beside a transaction that is open, as on PostgreSQL. */
function inMemory(): Promise<TestWorld> {
  const store = memoryStore()
  const transactional = {
    ...store,
    begin: async () => ({
      query: async () => [],
      commit: async (unit: Unit) => (await store.commit([unit]))[0],
      rollback: async () => {},
    }),
    capabilities: { ...store.capabilities, sql: 'postgres' },
  }
  return createTestBus({ store: transactional as unknown as Store & SqlStore })
}

describe('decisions inside a transaction', () => {
  it('are written in its one commit, in the order in which they were made, and heard once', async () => {
    await using world = await inMemory()
    const { bus } = world
    const inline: string[] = []
    bus.subscribe('**', { name: 'inline', mode: 'inline' }, ({ type, key: of }) => void inline.push(`${type} ${of}`))
    await bus.start()
    const answer = await bus.transaction(async (within) => {
      const { publish } = within
      const tea = await decide(bus, stock, 'tea', take('tea'), { within })
      expect(tea).toMatchObject({ state: 1, version: 1, attempts: 1, receipts: [], events: [{ type: 'stock.taken' }] })
      await publish(Told, { sku: 'tea' })
      await decide(bus, stock, 'rum', take('rum'), { within })
      expect(world.published()).toEqual([])
      return 'done'
    })
    expect(answer).toBe('done')
    const written = ['stock.taken tea', 'mail.told tea', 'stock.taken rum']
    expect(world.published().map(({ type, key: of }) => `${type} ${of}`)).toEqual(written)
    expect(inline).toEqual(written)
    expect(await load(bus, stock, 'tea')).toEqual({ state: 1, version: 1 })
  })

  it('see what was decided before in the same transaction, over one thing or several', async () => {
    await using world = await inMemory()
    const { bus } = world
    await decide(bus, stock, 'tea', take('tea'))
    await bus.transaction(async (within) => {
      expect(await decide(bus, stock, 'tea', take('tea'), { within })).toMatchObject({ state: 0, version: 2 })
      expect(await decide(bus, stock, 'tea', take('tea'), { within })).toMatchObject({
        version: 3,
        events: [{ type: 'stock.refused' }],
      })
      const both = await decideAll(
        bus,
        [
          [stock, 'tea'],
          [stock, 'rum'],
        ],
        ([tea, rum]) => (tea === 0 && rum === 2 ? Taken.create({ sku: 'rum' }) : []),
        { within },
      )
      expect(both).toMatchObject({ states: [0, 1], versions: [3, 1] })
      // Another look at the same stream sees the same events.
      const looked = await decide(bus, refusals, 'tea', () => Refused.create({ sku: 'tea' }), { within })
      expect(looked).toMatchObject({ state: 2, version: 4 })
      expect(await decide(bus, stock, 'tea', () => [], { within })).toMatchObject({ state: 0, version: 4 })
    })
    expect(world.published(Taken)).toHaveLength(3)
    expect(await load(bus, stock, 'tea')).toEqual({ state: 0, version: 4 })
    expect(await load(bus, refusals, 'tea')).toEqual({ state: 2, version: 4 })
  })

  it('see each other also where they are made side by side', async () => {
    await using world = await inMemory()
    const { bus } = world
    await bus.transaction(async (within) => {
      const all = await Promise.all(
        Array.from({ length: 30 }, () => decide(bus, stock, 'tea', async (left) => take('tea')(left), { within })),
      )
      expect(all.map(({ version }) => version).toSorted((a, b) => a - b)).toEqual(all.map((_, at) => at + 1))
    })
    expect(world.published(Taken)).toHaveLength(2)
    expect(await load(bus, stock, 'tea')).toEqual({ state: 0, version: 30 })
  })

  it('carry a command out once', async () => {
    await using world = await inMemory()
    const { bus } = world
    const transact = () =>
      bus.transaction(async (within) => {
        const first = await decide(bus, stock, 'tea', take('tea'), { within, commandId: 'c-1' })
        const second = await decide(bus, stock, 'tea', take('tea'), { within, commandId: 'c-1' })
        return [first.repeated, second.repeated, second.version]
      })
    expect(await transact()).toEqual([undefined, true, 1])
    expect(await transact()).toEqual([true, true, 1])
    expect(world.published().map(({ id }) => id)).toEqual(['c-1/1'])
  })

  it('are not written where it throws, whatever it throws', async () => {
    await using world = await inMemory()
    const { bus } = world
    const broken = bus.transaction(async (within) => {
      await decide(bus, stock, 'tea', take('tea'), { within })
      throw new RangeError('no')
    })
    await expect(broken).rejects.toThrow(RangeError)
    const refused = bus.transaction(async (within) => {
      await decide(bus, stock, 'tea', take('tea'), { within })
      await decide(bus, stock, 'tea', take('tea'), { within, expectedVersion: 0 })
    })
    await expect(refused).rejects.toMatchObject({ code: 'TIDINGS_CONFLICT', details: { expected: 0, actual: 1 } })
    expect(world.published()).toEqual([])
    expect(await load(bus, stock, 'tea')).toEqual({ state: 2, version: 0 })
  })
})

describe('a transaction that has decided', () => {
  it('is refused where somebody else was faster, and is not run again', async () => {
    await using world = await inMemory()
    const { bus } = world
    await decide(bus, stock, 'tea', take('tea'))
    let runs = 0
    const slower = bus.transaction(async (within) => {
      runs++
      await within.publish(Told, { sku: 'tea' })
      await decide(bus, stock, 'tea', take('tea'), { within })
      await decide(bus, stock, 'tea', take('tea'), { within })
      await decide(bus, stock, 'tea', take('tea'))
    })
    await expect(slower).rejects.toMatchObject({
      code: 'TIDINGS_CONFLICT',
      message: expect.stringContaining('a stream of stock at version 1; it stands at 2'),
      details: {
        category: 'stock',
        expected: 1,
        actual: 2,
        expectation: { stream: { category: 'stock', key: 'tea' } },
      },
    })
    expect(runs).toBe(1)
    expect(world.published().map(({ type }) => type)).toEqual(['stock.taken', 'stock.taken'])
  })

  it('is refused where its command was carried out by somebody else meanwhile', async () => {
    await using world = await inMemory()
    const { bus } = world
    const command = { commandId: 'c-1' }
    const slower = bus.transaction(async (within) => {
      await decide(bus, stock, 'tea', take('tea'), { within, ...command })
      await decide(bus, stock, 'tea', take('tea'), command)
    })
    await expect(slower).rejects.toMatchObject({ code: 'TIDINGS_CONFLICT' })
    expect(world.published()).toHaveLength(1)
  })

  it('takes nothing more once its work has returned', async () => {
    await using world = await inMemory()
    const { bus } = world
    let kept: TransactionContext | undefined
    let late: Promise<unknown> | undefined
    const gate = Promise.withResolvers<void>()
    await bus.transaction((within) => {
      kept = within
      late = decide(bus, stock, 'tea', () => gate.promise.then(() => Taken.create({ sku: 'tea' })), { within })
    })
    const withdrawn = { code: 'TIDINGS_WITHDRAWN' }
    const refused = expect(late).rejects.toMatchObject(withdrawn)
    gate.resolve()
    await refused
    await expect(decide(bus, stock, 'tea', take('tea'), { within: kept! })).rejects.toMatchObject(withdrawn)
    await expect(kept?.publish(Told, { sku: 'tea' })).rejects.toMatchObject(withdrawn)
    expect(world.published()).toEqual([])
  })

  it('cannot have published to the stream by itself', async () => {
    await using world = await inMemory()
    const { bus } = world
    const unseen = bus.transaction(async (within) => {
      await within.publish(Taken, { sku: 'tea' })
      await decide(bus, stock, 'tea', take('tea'), { within })
    })
    await expect(unseen).rejects.toMatchObject({ code: 'TIDINGS_NOT_SUPPORTED', details: { category: 'stock' } })
    const meanwhile = bus.transaction(async (within) => {
      const decider = async () => {
        await within.publish(Taken, { sku: 'tea' })
        return Taken.create({ sku: 'tea' })
      }
      await decide(bus, stock, 'tea', decider, { within })
    })
    await expect(meanwhile).rejects.toMatchObject({ code: 'TIDINGS_NOT_SUPPORTED' })
    expect(world.published()).toEqual([])
  })

  it('is told of decisions that beat each other for ever', async () => {
    await using world = await inMemory()
    const { bus } = world
    const endless = bus.transaction((within) =>
      decide(
        bus,
        stock,
        'tea',
        async (left) => {
          await decide(bus, stock, 'tea', take('tea'), { within })
          return take('tea')(left)
        },
        { within, tries: 3 },
      ),
    )
    await expect(endless).rejects.toMatchObject({ code: 'TIDINGS_CONFLICT', details: { category: 'stock' } })
    expect(world.published()).toEqual([])
  })
})

it('a store in memory has no transactions to decide in', async () => {
  await using world = await createTestBus()
  const { bus } = world
  const transact = bus.transaction((within) => decide(bus, stock, 'tea', take('tea'), { within }))
  await expect(transact).rejects.toMatchObject({ code: 'TIDINGS_NOT_SUPPORTED' })
  expect(world.published()).toEqual([])
})
