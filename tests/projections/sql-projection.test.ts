import { type CheckInput, defineProjection, isSqlStore, operationsOf, type SqlStore, sql } from 'tidings'
import { createTestBus, type TestWorld } from 'tidings/testing'
import { describe, expect, it } from 'vitest'

import { dumpTables, LineAdded, OrderPaid, OrderPlaced, orderTables } from './orders.ts'
import { sqlWorld } from './sql-world.ts'

function sqlOf({ store }: TestWorld): SqlStore {
  if (!isSqlStore(store)) throw new Error('no SQL here')
  return store
}

async function place({ bus }: TestWorld, from: number, to: number): Promise<number> {
  let position = 0
  for (let n = from; n < to; n++) {
    ;({ position } = await bus.publish(OrderPlaced, { orderId: `o-${n}`, customerId: `c-${n % 3}`, total: n }))
    await bus.publish(LineAdded, { orderId: `o-${n}`, sku: 'tea', quantity: n })
  }
  return position
}

describe('a projection of tables', () => {
  it('shows by a view what events have made', async () => {
    await using here = await sqlWorld()
    const projection = orderTables()
    here.bus.use(projection)
    await place(here, 0, 5)
    const { position } = await here.bus.publish(OrderPaid, { orderId: 'o-3' })
    const { tables, query, caughtUpTo } = projection.of(here.bus)
    expect(await caughtUpTo(position)).toEqual({ generation: 1, parked: 0 })
    expect(await query(sql`select state, count(*) as n from ${tables.orders} group by state order by state`)).toEqual([
      { state: 'open', n: 4 },
      { state: 'paid', n: 1 },
    ])
    expect(await query(sql`select sku, sum(quantity) as n from order_lines group by sku`)).toEqual([
      { sku: 'tea', n: 10 },
    ])
  })

  it('is rebuilt beside what readers see, compared row by row, and switched', async () => {
    await using here = await sqlWorld()
    const projection = orderTables()
    here.bus.use(projection)
    await place(here, 0, 20)
    await here.bus.settled()
    const { projections } = operationsOf(here.bus)
    expect(await projections.rebuild('orders', { by: 'ada' })).toBe(2)
    expect(await projections.rebuild('orders')).toBe(2)
    await here.clock.advance('5s')
    const [status] = await projections.list()
    expect(status).toMatchObject({
      live: 2,
      generations: [
        { number: 1, state: 'kept' },
        { number: 2, state: 'live', parity: { verdict: 'equal', says: 'Both generations hold the same 40 rows.' } },
      ],
    })
    await place(here, 20, 25)
    await here.bus.settled()
    // What was live is fed on, so that it can be rolled back to.
    expect(await dumpTables(sqlOf(here), 1)).toBe(await dumpTables(sqlOf(here), 2))
    expect(await dumpTables(sqlOf(here), undefined)).toBe(await dumpTables(sqlOf(here), 2))
    const entries = await operationsOf(here.bus).audit()
    expect(entries).toMatchObject([{ action: 'rebuild', by: 'ada', filter: { projection: 'orders', generation: 2 } }])
  })

  it('waits for somebody to decide where a rebuild holds something else', async () => {
    await using here = await sqlWorld()
    const projection = orderTables()
    here.bus.use(projection)
    await place(here, 0, 3)
    await here.bus.settled()
    await sqlOf(here).commit([{ statements: [sql`update orders__g1 set total = 999 where id = 'o-2'`] }])
    const { projections } = operationsOf(here.bus)
    await projections.rebuild('orders')
    await here.clock.advance('5s')
    expect(await projections.progress('orders')).toMatchObject({
      live: 1,
      generations: [
        { state: 'live' },
        {
          state: 'ready',
          parity: {
            verdict: 'differs',
            says: 'The generations differ: table orders holds 3 in both generations, and they are not the same.',
          },
        },
      ],
    })
    const switching = projections.switch('orders')
    await here.clock.advance('2s')
    expect(await switching).toMatchObject({ live: 2 })
    expect(await sqlOf(here).query(sql`select total from orders where id = 'o-2'`)).toEqual([{ total: 2 }])
    const back = projections.rollback('orders')
    await here.clock.advance('2s')
    expect(await back).toMatchObject({ live: 1 })
    expect(await sqlOf(here).query(sql`select total from orders where id = 'o-2'`)).toEqual([{ total: 999 }])
  })

  it('shows a new version with other columns from the switch on, and removes what was kept when its time is over', async () => {
    await using here = await sqlWorld()
    here.bus.use(orderTables(1, { keep: '1m' }))
    await place(here, 0, 10)
    await here.bus.settled()
    await using beside = await createTestBus({ beside: here })
    const second = orderTables(2, { keep: '1m' })
    beside.bus.use(second)
    await beside.bus.settled()
    await here.clock.advance('3s')
    await place(here, 10, 12)
    await here.clock.advance('3s')
    expect(await second.of(beside.bus).query(sql`select count(*) as n from orders where version = 2`)).toEqual([
      { n: 12 },
    ])
    await here.clock.advance('3m')
    const tables = await sqlOf(here).query(
      sql`select name from sqlite_master where name like 'order%' and type in ('table', 'view') order by name`,
    )
    expect(tables.map(({ name }) => name)).toEqual(['order_lines', 'order_lines__g2', 'orders', 'orders__g2'])
    expect((await operationsOf(here.bus).subscriptions()).map(({ name }) => name)).toEqual(['projection:orders:2'])
  })

  it('is not switched by a check that refuses, and may be cancelled', async () => {
    await using here = await sqlWorld()
    here.bus.use(orderTables())
    await place(here, 0, 4)
    await here.bus.settled()
    await using beside = await createTestBus({ beside: here })
    const second = orderTables(2, {
      check: async ({ query, live, next, position }: CheckInput<'orders', Record<never, never>>) => {
        const [a] = await query(sql`select count(*) as n from ${live.tables.orders}`)
        const [b] = await query(sql`select count(*) as n from ${next.tables.orders}`)
        return `live ${String(a?.n)}, next ${String(b?.n)}, at ${position}`
      },
    } as never)
    beside.bus.use(second)
    await beside.bus.start()
    await here.clock.advance('5s')
    const { projections } = operationsOf(here.bus)
    expect(await projections.progress('orders')).toMatchObject({
      live: 1,
      generations: [{}, { state: 'ready', parity: { verdict: 'refused', says: 'live 4, next 4, at 8' } }],
    })
    expect(await projections.cancel('orders')).toBe(true)
    expect(await projections.cancel('orders')).toBe(false)
    await here.clock.advance('90s')
    expect((await projections.progress('orders')).generations).toHaveLength(1)
    // Nobody begins it again but somebody who says so.
    await projections.rebuild('orders', { version: 2 })
    await here.clock.advance('5s')
    expect(await projections.progress('orders')).toMatchObject({ generations: [{}, { number: 3, state: 'ready' }] })
  })

  it('refuses a definition that has changed without a new version', async () => {
    await using here = await sqlWorld()
    here.bus.use(orderTables())
    await here.bus.start()
    await using beside = await createTestBus({ beside: here, start: 0 })
    const same = orderTables(1, { order: 'all' })
    beside.bus.use(same)
    await expect(beside.bus.start()).rejects.toMatchObject({ code: 'TIDINGS_PROJECTION_CHANGED' })
  })

  it('may be used anew where it could not begin, and leaves its tables to no other', async () => {
    await using here = await sqlWorld()
    here.bus.use(orderTables())
    await here.bus.start()
    await using beside = await createTestBus({ beside: here })
    await beside.bus.start()
    beside.bus.use(orderTables(1, { order: 'all' }))
    await expect(beside.bus.start()).rejects.toMatchObject({ code: 'TIDINGS_PROJECTION_CHANGED' })
    const sound = orderTables()
    beside.bus.use(sound)
    await beside.bus.start()
    await place(here, 0, 2)
    await here.clock.advance('20s')
    expect(await sound.of(beside.bus).query(sql`select count(*) as n from orders`)).toEqual([{ n: 2 }])
    const other = defineProjection('other', {
      version: 1,
      tables: { orders: sql`(id text)` },
      on: (on) => [on(OrderPlaced, () => {})],
    })
    expect(() => beside.bus.use(other)).toThrow(/both have a table orders/)
  })

  it('parks an event that cannot be applied, and the rest of its stream alone', async () => {
    await using here = await sqlWorld()
    const projection = orderTables(1, { retry: { tries: 1 } })
    here.bus.use(projection)
    await here.bus.publish(OrderPlaced, { orderId: 'o-1', customerId: 'c', total: 1 })
    await here.bus.publish(OrderPlaced, { orderId: 'bad', customerId: null as never, total: 1 })
    const { position } = await here.bus.publish(OrderPaid, { orderId: 'bad' })
    await here.bus.publish(OrderPaid, { orderId: 'o-1' })
    await here.bus.settled()
    const { status, caughtUpTo, query } = projection.of(here.bus)
    expect(await status()).toMatchObject({ generations: [{ parked: 2, dead: 1, lag: 0 }] })
    expect(await caughtUpTo(position)).toMatchObject({ parked: 2 })
    expect(await query(sql`select id, state from orders`)).toEqual([{ id: 'o-1', state: 'paid' }])
  })

  it('applies the events of one stream again', async () => {
    await using here = await sqlWorld()
    const projection = orderTables()
    here.bus.use(projection)
    await place(here, 0, 5)
    await here.bus.settled()
    await sqlOf(here).commit([
      { statements: [sql`update orders__g1 set total = -1`, sql`delete from order_lines__g1`] },
    ])
    const { rebuildStream, query } = projection.of(here.bus)
    expect(await rebuildStream({ category: 'order', key: 'o-3' })).toEqual({ generation: 1, events: 2 })
    expect(await query(sql`select id, total from orders order by id`)).toMatchObject([
      { total: -1 },
      { total: -1 },
      { total: -1 },
      { id: 'o-3', total: 3 },
      { total: -1 },
    ])
    expect(await query(sql`select * from order_lines`)).toEqual([{ order_id: 'o-3', sku: 'tea', quantity: 3 }])
  })
})
