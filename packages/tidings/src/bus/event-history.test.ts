import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import type { EventFilter } from './event-query.ts'

interface Move {
  readonly sku: string
  readonly by: number
}
const Moved = defineEvent<Move>('stock.moved', { key: ({ sku }) => sku })
const Counted = defineEvent<Move>('stock.counted', { key: ({ sku }) => sku })
const Opened = defineEvent<{ readonly id: string }>('shop.opened')

async function history() {
  const world = await createTestBus()
  const { bus } = world
  const opened = await bus.publish(Opened, { id: 's' }, { timestamp: 1_000, correlationId: 'req-1' })
  for (let by = 1; by <= 4; by++)
    await bus.publish(Moved, { sku: by % 2 === 0 ? 'tea' : 'rum', by }, { timestamp: 1_000 * by, tenantId: 'acme' })
  await bus.publish(
    Counted,
    { sku: 'tea', by: 6 },
    { timestamp: 5_000, correlationId: 'req-1', causationId: opened.id },
  )
  const found = async (filter: EventFilter): Promise<readonly string[]> => {
    const all: string[] = []
    for await (const { type, data, position } of bus.store.query(filter))
      all.push(`${position} ${type} ${(data as Partial<Move>).by ?? '-'}`)
    return all
  }
  return { world, bus, found, opened }
}

describe('asking the store', () => {
  it.each<[string, EventFilter, readonly string[]]>([
    ['a stream', { stream: 'acme/stock/tea' }, ['3 stock.moved 2', '5 stock.moved 4']],
    ['a stream and more', { stream: 'acme/stock/tea', from: 3_000 }, ['5 stock.moved 4']],
    ['a type', { types: [Counted] }, ['6 stock.counted 6']],
    ['types by wildcard', { types: ['shop.*', 'no.*'] }, ['1 shop.opened -']],
    ['a category', { category: 'shop' }, ['1 shop.opened -']],
    ['a tenant', { tenantId: 'acme', limit: 2 }, ['2 stock.moved 1', '3 stock.moved 2']],
    ['a correlation', { correlationId: 'req-1' }, ['1 shop.opened -', '6 stock.counted 6']],
    ['a time', { from: new Date(2_000), to: 4_000 }, ['3 stock.moved 2', '4 stock.moved 3']],
    ['a position', { after: 4, types: ['stock.*'] }, ['5 stock.moved 4', '6 stock.counted 6']],
    ['nothing', { limit: 0 }, []],
  ])('by %s', async (_by, filter, expected) => {
    const { world, found } = await history()
    await using _world = world
    expect(await found(filter)).toEqual(expected)
  })

  it('by cause', async () => {
    const { world, found, opened } = await history()
    await using _world = world
    expect(await found({ causationId: opened.id })).toEqual(['6 stock.counted 6'])
  })

  it.each([
    [{ limit: -1 }, 'limit'],
    [{ from: new Date('nonsense') }, 'from'],
    [{ stream: 'nonsense' }, 'stream'],
  ])('refuses %j', async (filter, field) => {
    const { world, found } = await history()
    await using _world = world
    await expect(found(filter)).rejects.toMatchObject({ code: 'TIDINGS_INVALID_OPTION', details: { field } })
  })
})

describe('statistics', () => {
  it('count events by type and streams by category, with sizes and times', async () => {
    const { world, bus } = await history()
    await using _world = world
    const { types, categories, ...all } = await bus.store.statistics()
    expect(all).toEqual({
      complete: true,
      after: 0,
      through: 6,
      events: 6,
      bytes: 10 + 5 * JSON.stringify({ sku: 'tea', by: 1 }).length,
      oldest: 1_000,
      newest: 5_000,
    })
    expect(types).toEqual({
      'shop.opened': { events: 1, bytes: 10, oldest: 1_000, newest: 1_000 },
      'stock.counted': { events: 1, bytes: 20, oldest: 5_000, newest: 5_000 },
      'stock.moved': { events: 4, bytes: 80, oldest: 1_000, newest: 4_000 },
    })
    expect(categories).toEqual({ shop: { streams: 1, events: 1 }, stock: { streams: 3, events: 5 } })
  })

  it('look at the latest events only, no more than they are told, and say so', async () => {
    const { world, bus } = await history()
    await using _world = world
    expect(await bus.store.statistics({ limit: 2 })).toMatchObject({ complete: false, after: 4, through: 6, events: 2 })
    expect(await bus.store.statistics({ tenantId: 'acme' })).toMatchObject({ complete: true, events: 4 })
    await expect(bus.store.statistics({ limit: 0 })).rejects.toMatchObject({ details: { field: 'limit' } })
  })

  it('say nothing of an empty log', async () => {
    await using world = await createTestBus()
    expect(await world.bus.store.statistics()).toMatchObject({ complete: true, events: 0, oldest: undefined })
  })
})
