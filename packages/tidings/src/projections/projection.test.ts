import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { operationsOf } from '../operations/operations.ts'
import { sql } from '../store/sql.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { documents } from './collection.ts'
import { defineProjection } from './define-projection.ts'
import type { Generation, ProjectionState } from './generation.ts'

interface Order {
  readonly id: string
  readonly customer: string
  readonly total: number
}

const OrderPlaced = defineEvent<Order>('order.placed')
const OrderPaid = defineEvent<{ readonly id: string }>('order.paid')

const orders = (version = 1, keep: '30s' | '7d' = '30s', switching: 'auto' | 'manual' = 'auto') =>
  defineProjection('orders', {
    version,
    keep,
    switch: switching,
    documents: { orders: documents<Order & { readonly paid: boolean }>({ index: ({ customer }) => ({ customer }) }) },
    on: (on) => [
      on(OrderPlaced, ({ data }, { documents }) => documents.orders.put(data.id, { ...data, paid: false })),
      on(OrderPaid, async ({ data }, { documents }) => {
        const order = await documents.orders.get(data.id)
        if (order !== undefined) documents.orders.put(data.id, { ...order, paid: true })
      }),
    ],
  })

describe('a projection of documents', () => {
  it('begins at the beginning of the log, and shows what events have made', async () => {
    await using world = await createTestBus()
    const { bus } = world
    await bus.publish(OrderPlaced, { id: 'o-1', customer: 'c-1', total: 5 })
    const projection = orders()
    bus.use(projection)
    await bus.start()
    const { position } = await bus.publish(OrderPaid, { id: 'o-1' })
    await bus.settled()
    const { documents: read, ...handle } = projection.of(bus)
    expect(await handle.caughtUpTo(position)).toEqual({ generation: 1, parked: 0 })
    expect(await read.orders.get('o-1')).toEqual({ id: 'o-1', customer: 'c-1', total: 5, paid: true })
    expect(await read.orders.find({ by: { index: 'customer', equal: 'c-1' } })).toHaveLength(1)
    expect(await handle.status()).toMatchObject({ live: 1, generations: [{ state: 'live', lag: 0 }] })
  })

  it('builds a new version beside the old one, switches, and takes the old one away when its time is over', async () => {
    await using world = await createTestBus()
    const first = orders()
    world.bus.use(first)
    for (let n = 0; n < 30; n++) await world.bus.publish(OrderPlaced, { id: `o-${n}`, customer: 'c', total: n })
    await world.bus.settled()
    await using beside = await createTestBus({ beside: world })
    const second = orders(2)
    beside.bus.use(second)
    await beside.bus.start()
    await beside.bus.settled()
    expect(await first.of(world.bus).status()).toMatchObject({
      live: 1,
      generations: [{}, { state: 'building', version: 2 }],
    })
    await world.clock.advance('5s')
    expect(await first.of(world.bus).status()).toMatchObject({
      live: 2,
      generations: [{ state: 'kept' }, { state: 'live', parity: { verdict: 'skipped' } }],
    })
    expect(await first.of(world.bus).documents.orders.find()).toHaveLength(30)
    await world.clock.advance('2m')
    expect((await second.of(beside.bus).status()).generations).toMatchObject([{ number: 2, state: 'live' }])
    expect(await world.store.find('projection:orders:orders:1')).toEqual([])
    expect(await world.store.find('checkpoints', { prefix: 'projection:orders:1/' })).toEqual([])
  })

  it.each([
    ['30s', 30_000],
    ['7d', 604_800_000],
  ] as const)('keeps the old one for as long as `keep` says where an operator switches: %s', async (keep, expected) => {
    for (const force of [false, true]) {
      await using world = await createTestBus()
      world.bus.use(orders())
      await world.bus.publish(OrderPlaced, { id: 'o-1', customer: 'c', total: 1 })
      await world.bus.settled()
      await using beside = await createTestBus({ beside: world })
      beside.bus.use(orders(2, keep, 'manual'))
      await beside.bus.start()
      await world.clock.advance('5s')
      const { projections } = operationsOf(world.bus)
      const kept = async (): Promise<number | undefined> => {
        const [document] = await world.store.find('projections')
        const { generations } = JSON.parse(document?.body as string) as ProjectionState
        const one: Partial<Generation> = generations.find(({ state }) => state === 'kept') ?? {}
        return (one.keepUntil ?? 0) - (one.endedAt ?? 0)
      }
      const meanwhile = async (work: Promise<unknown>): Promise<void> => {
        await world.clock.advance('1s')
        await work
      }
      await meanwhile(projections.switch('orders', { force }))
      expect(await kept()).toBe(expected)
      // The one that is rolled back to says how long the other stays.
      await meanwhile(projections.rollback('orders', { force }))
      expect(await kept()).toBe(30_000)
      await world.clock.advance('2m')
      expect((await projections.progress('orders')).generations).toHaveLength(1)
    }
  })
})

describe('the definition of a projection', () => {
  it('knows its tables and collections by name', () => {
    const projection = defineProjection('known', {
      version: 1,
      tables: { orders: sql`(id text)` },
      documents: { sums: documents<{ readonly sum: number }>({ index: ({ sum }) => ({ sum }) }) },
      on: (on) => [
        on(OrderPlaced, ({ data }, { write, tables, documents: { sums } }) => {
          write(sql`insert into ${tables.orders} values (${data.id})`)
          sums.put(data.id, { sum: data.total })
          // @ts-expect-error There is no such table.
          write(sql`insert into ${tables.nothing} values (1)`)
          // @ts-expect-error The collection holds something else.
          sums.put(data.id, { total: data.total })
        }),
      ],
    })
    expect(projection.settings).toMatchObject({
      name: 'known',
      version: 1,
      order: 'stream',
      onPoison: 'park',
      window: 2_000,
    })
  })

  it('names everything that is wrong with it at once', () => {
    const wrong = (): unknown =>
      defineProjection('no spaces', {
        version: 0,
        tables: { Orders: sql`id text`, tidings_x: sql`(a text default ${1})` },
        on: (on) => [on(OrderPlaced, () => {}), on(OrderPlaced, () => {})],
        keep: 'soon' as never,
      })
    expect(wrong).toThrow(expect.objectContaining({ code: 'TIDINGS_INVALID_OPTION' }))
    try {
      wrong()
    } catch (error) {
      expect((error as Error).message).toBe(
        `Cannot define the projection "no spaces": Expected \`name\` to be 1 to 80 letters, digits, \`_\`, \`.\` or \`-\`, got "no spaces". Expected \`version\` to be a whole number from 1 to 1,000,000, got \`0\` (number). Expected the table "Orders" to be named by 1 to 40 lower-case letters, digits and \`_\`, a letter first, and not to begin with tidings_. Expected \`tables.Orders\` to be columns in parentheses, made by \`sql\` without values. Expected the table "tidings_x" to be named by 1 to 40 lower-case letters, digits and \`_\`, a letter first, and not to begin with tidings_. Expected \`tables.tidings_x\` to be columns in parentheses, made by \`sql\` without values. Expected each type of event once, order.placed is there twice. Expected \`keep\` to be milliseconds or text such as '30s', got "soon".`,
      )
    }
  })

  it('refuses events that leave the log, unless a rebuild may lack them', () => {
    const Seen = defineEvent<{ readonly id: string }>('page.seen', { retention: '30d' })
    const define = (lossy: boolean) =>
      defineProjection('pages', {
        version: 1,
        lossy,
        documents: { pages: documents() },
        on: (on) => [on(Seen, () => {})],
      })
    expect(() => define(false)).toThrow(/page\.seen leave it by their retention/)
    expect(define(true).settings.definitions).toEqual([Seen])
  })

  it('needs SQL for tables', async () => {
    await using world = await createTestBus()
    const projection = defineProjection('tables', {
      version: 1,
      tables: { t: sql`(id text)` },
      on: (on) => [on(OrderPlaced, () => {})],
    })
    expect(() => world.bus.use(projection)).toThrow(expect.objectContaining({ code: 'TIDINGS_NOT_SUPPORTED' }))
    expect(() => projection.of(world.bus)).toThrow(expect.objectContaining({ code: 'TIDINGS_NOT_FOUND' }))
  })
})
