import {
  decide,
  defineAggregate,
  defineEvent,
  defineProjection,
  isSqlStore,
  memoryStore,
  operationsOf,
  type SqlStore,
  type Store,
  sql,
} from 'tidings'
import { createTestBus, type TestWorld } from 'tidings/testing'
import { describe, expect, it } from 'vitest'

import { dumpTables, LineAdded, OrderPaid, OrderPlaced, orderDocuments, orderTables } from './orders.ts'
import { meanwhile, sqlWorld } from './sql-world.ts'

const joinedTables = (version = 1, options: Parameters<typeof orderTables>[1] = {}) =>
  orderTables(version, { ...options, mode: 'same-commit' })

function sqlOf({ store }: TestWorld): SqlStore {
  if (!isSqlStore(store)) throw new Error('no SQL here')
  return store
}

const Order = defineAggregate('order', {
  initial: { paid: false },
  evolve: (state, { type }) => (type === OrderPaid.type ? { paid: true } : state),
})

const placed = (n: number) => ({ orderId: `o-${n}`, customerId: `c-${n % 3}`, total: n })

describe('a projection in the commit of its events', () => {
  it('has the row when publish returns, whatever the clock says', async () => {
    await using here = await sqlWorld()
    const projection = joinedTables()
    here.bus.use(projection)
    await here.bus.start()
    const { query } = projection.of(here.bus)
    for (let n = 0; n < 5; n++) {
      await here.bus.publish(OrderPlaced, placed(n))
      await here.bus.publish([
        LineAdded.create({ orderId: `o-${n}`, sku: 'tea', quantity: 2 }),
        OrderPaid.create({ orderId: `o-${n}` }),
      ])
      expect(await query(sql`select state from orders where id = ${`o-${n}`}`)).toEqual([{ state: 'paid' }])
      expect(await query(sql`select quantity from order_lines where order_id = ${`o-${n}`}`)).toEqual([{ quantity: 2 }])
    }
    await here.bus.settled()
    // Its own subscription has passed them all, and applied none again; the marks are gone.
    expect(await query(sql`select sum(quantity) as n from order_lines`)).toEqual([{ n: 10 }])
    expect(await here.store.find('inline')).toEqual([])
    expect(await projection.of(here.bus).status()).toMatchObject({ generations: [{ lag: 0, parked: 0 }] })
  })

  it('publishes nothing that its tables refuse, or its handler', async () => {
    await using here = await sqlWorld()
    const UserNamed = defineEvent<{ readonly id: string; readonly name: string }>('user.named', { key: ({ id }) => id })
    const names = defineProjection('names', {
      version: 1,
      mode: 'same-commit',
      tables: { names: sql`(id text primary key, name text not null unique)` },
      on: (on) => [
        on(UserNamed, ({ data }, { write, tables }) => {
          if (data.name === '') throw new Error('A user needs a name.')
          write(sql`insert into ${tables.names} (id, name) values (${data.id}, ${data.name})`)
        }),
      ],
    })
    here.bus.use(names)
    await here.bus.start()
    await here.bus.publish(UserNamed, { id: 'u-1', name: 'ada' })
    await expect(here.bus.publish(UserNamed, { id: 'u-2', name: 'ada' })).rejects.toMatchObject({
      code: 'TIDINGS_UNIT_REFUSED',
    })
    await expect(here.bus.publish(UserNamed, { id: 'u-3', name: '' })).rejects.toThrow('A user needs a name.')
    await expect(
      here.bus.publish([UserNamed.create({ id: 'u-4', name: 'eve' }), UserNamed.create({ id: 'u-5', name: 'eve' })]),
    ).rejects.toMatchObject({ code: 'TIDINGS_UNIT_REFUSED' })
    await here.bus.publish(UserNamed, { id: 'u-2', name: 'bob' })
    await here.bus.settled()
    expect(here.published(UserNamed).map(({ data }) => data.name)).toEqual(['ada', 'bob'])
    expect(await names.of(here.bus).query(sql`select name from names order by name`)).toEqual([
      { name: 'ada' },
      { name: 'bob' },
    ])
  })

  it('comes up first where another process has published to the stream without it', async () => {
    await using here = await sqlWorld()
    await using elsewhere = await createTestBus({ beside: here })
    await elsewhere.bus.start()
    const projection = joinedTables()
    here.bus.use(projection)
    await here.bus.start()
    await elsewhere.bus.publish(OrderPlaced, placed(1))
    await elsewhere.bus.publish(LineAdded, { orderId: 'o-1', sku: 'tea', quantity: 1 })
    await meanwhile(here, here.bus.publish(OrderPaid, { orderId: 'o-1' }))
    expect(await projection.of(here.bus).query(sql`select state from orders`)).toEqual([{ state: 'paid' }])
    await elsewhere.bus.publish(LineAdded, { orderId: 'o-1', sku: 'tea', quantity: 1 })
    await meanwhile(here, here.bus.publish(LineAdded, { orderId: 'o-1', sku: 'tea', quantity: 1 }))
    await here.bus.settled()
    expect(await projection.of(here.bus).query(sql`select quantity from order_lines`)).toEqual([{ quantity: 3 }])
  })

  it('is behind what others append to its stream while it applies an event', async () => {
    await using here = await sqlWorld()
    await using elsewhere = await createTestBus({ beside: here })
    await elsewhere.bus.start()
    let between = true
    const Counted = defineEvent<{ readonly id: string; readonly n: number }>('counter.counted', { key: ({ id }) => id })
    const counters = defineProjection('counters', {
      version: 1,
      mode: 'same-commit',
      tables: { counters: sql`(id text primary key, seen text not null)` },
      on: (on) => [
        on(Counted, async ({ data }, { write, tables }) => {
          write(sql`insert into ${tables.counters} (id, seen) values (${data.id}, ${`${data.n}`})
              on conflict (id) do update set seen = ${tables.counters}.seen || ',' || excluded.seen`)
          if (data.n !== 1 || !between) return
          between = false
          await elsewhere.bus.publish(Counted, { id: 'k', n: 2 })
        }),
      ],
    })
    here.bus.use(counters)
    await here.bus.start()
    await here.bus.publish(Counted, { id: 'k', n: 0 })
    const receipt = await meanwhile(here, here.bus.publish(Counted, { id: 'k', n: 1 }))
    expect(receipt.streamVersion).toBe(3)
    expect(await counters.of(here.bus).query(sql`select seen from counters`)).toEqual([{ seen: '0,2,1' }])
    await here.bus.settled()
    expect(await counters.of(here.bus).query(sql`select seen from counters`)).toEqual([{ seen: '0,2,1' }])
  })

  it('applies each event once, in order, whoever publishes, with many at once on one stream', async () => {
    await using here = await sqlWorld()
    await using second = await createTestBus({ beside: here })
    await using plain = await createTestBus({ beside: here })
    const Counted = defineEvent<{ readonly id: string; readonly n: number }>('counter.counted', { key: ({ id }) => id })
    const counters = () =>
      defineProjection('counters', {
        version: 1,
        mode: 'same-commit',
        tables: { counters: sql`(id text primary key, seen text not null)` },
        on: (on) => [
          on(Counted, ({ data }, { write, tables }) =>
            write(sql`insert into ${tables.counters} (id, seen) values (${data.id}, ${`${data.n}`})
              on conflict (id) do update set seen = ${tables.counters}.seen || ',' || excluded.seen`),
          ),
        ],
      })
    const one = counters()
    here.bus.use(one)
    second.bus.use(counters())
    await here.bus.start()
    await second.bus.start()
    await plain.bus.start()
    let n = 0
    const publishing: Promise<unknown>[] = []
    for (let round = 0; round < 20; round++) {
      for (const { bus } of [here, second, plain, here, second])
        publishing.push(bus.publish(Counted, { id: `k-${round % 2}`, n: n++ }))
    }
    await meanwhile(here, Promise.all(publishing))
    await here.bus.settled()
    await second.bus.settled()
    const rows = await one.of(here.bus).query(sql`select id, seen from counters order by id`)
    for (const row of rows) {
      const stored = here.published(Counted).filter(({ data }) => data.id === row.id)
      expect(row.seen).toBe(stored.map(({ data }) => data.n).join(','))
      expect(stored).toHaveLength(50)
    }
    expect(await here.store.find('inline')).toEqual([])
  })

  it('is rebuilt, compared row by row, switched and rolled back while events go on coming', async () => {
    // Its subscriptions look by themselves now and then, so they come later than its publishers, as they do under load.
    await using here = await sqlWorld({ faults: [{ what: 'lose', at: 'wake' }] })
    await using plain = await createTestBus({ beside: here })
    await plain.bus.start()
    const projection = joinedTables()
    here.bus.use(projection)
    await here.bus.start()
    let n = 0
    let going = true
    const publish = async (): Promise<void> => {
      while (going) {
        const bus = n % 4 === 3 ? plain.bus : here.bus
        const order = placed(n++)
        await bus.publish(OrderPlaced, order)
        await here.bus.publish(LineAdded, { orderId: order.orderId, sku: 'tea', quantity: 1 })
        // Read by somebody who knows nothing of generations.
        if (bus === here.bus)
          expect(
            await sqlOf(here).query(sql`select quantity from order_lines where order_id = ${order.orderId}`),
          ).toEqual([{ quantity: 1 }])
        await new Promise<void>((resolve) => here.clock.runtime.setTimer(20, resolve))
      }
    }
    const traffic = publish()
    const { projections } = operationsOf(here.bus)
    await here.clock.advance('2s')
    await projections.rebuild('orders')
    await here.clock.advance('10s')
    expect(await projections.progress('orders')).toMatchObject({
      live: 2,
      generations: [{ state: 'kept' }, { state: 'live', parity: { verdict: 'equal' } }],
    })
    await here.clock.advance('2s')
    expect(await meanwhile(here, projections.rollback('orders'))).toMatchObject({ live: 1 })
    await here.clock.advance('2s')
    going = false
    await meanwhile(here, traffic)
    await meanwhile(here, here.bus.settled())
    expect(n).toBeGreaterThan(20)
    expect(await dumpTables(sqlOf(here), 1)).toBe(await dumpTables(sqlOf(here), 2))
    expect(await sqlOf(here).query(sql`select count(*) as n, sum(quantity) as sum from order_lines`)).toEqual([
      { n, sum: n },
    ])
  })

  it('keeps what was applied in its own commit where one stream is built anew', async () => {
    await using here = await sqlWorld()
    const projection = joinedTables()
    here.bus.use(projection)
    await here.bus.start()
    await here.bus.publish(OrderPlaced, placed(1))
    await here.bus.publish(LineAdded, { orderId: 'o-1', sku: 'tea', quantity: 1 })
    await here.bus.settled()
    // The subscription has not come by these.
    here.faults.add({ what: 'lose', at: 'wake' })
    await here.bus.publish(LineAdded, { orderId: 'o-1', sku: 'tea', quantity: 1 })
    await here.bus.publish(LineAdded, { orderId: 'o-1', sku: 'tea', quantity: 1 })
    await meanwhile(here, projection.of(here.bus).rebuildStream('order/o-1'))
    await here.bus.publish(LineAdded, { orderId: 'o-1', sku: 'tea', quantity: 1 })
    await meanwhile(here, here.bus.settled())
    expect(await projection.of(here.bus).query(sql`select quantity from order_lines`)).toEqual([{ quantity: 4 }])
  })

  it('is not written twice, nor lost, where the process dies at the commit or its answer is lost', async () => {
    for (const what of ['crash before', 'crash after', 'lose answer', 'fail'] as const) {
      await using here = await sqlWorld()
      const projection = joinedTables()
      here.bus.use(projection)
      await here.bus.start()
      await here.bus.publish(OrderPlaced, placed(1))
      await using dying = await createTestBus({ beside: here })
      dying.bus.use(joinedTables())
      await dying.bus.start()
      dying.faults.add({ what, at: 'publish', times: 1 })
      const line = dying.bus.publish(LineAdded, { orderId: 'o-1', sku: 'tea', quantity: 1 }).then(
        () => 'told',
        () => 'failed',
      )
      await here.clock.advance('40s')
      expect(dying.faults.struck.get(what), what).toBe(1)
      await meanwhile(here, here.bus.publish(LineAdded, { orderId: 'o-1', sku: 'milk', quantity: 1 }))
      await here.clock.advance('30s')
      await here.bus.settled()
      const stored = here.published(LineAdded).filter(({ data }) => data.sku === 'tea').length
      if (!what.startsWith('crash')) expect(await line, what).toBe('told')
      expect(stored, what).toBe(what === 'crash before' ? 0 : 1)
      const rows = await projection.of(here.bus).query(sql`select quantity from order_lines where sku = 'tea'`)
      expect(rows, what).toEqual(stored === 1 ? [{ quantity: 1 }] : [])
    }
  })

  it('waits for a store that is away, like every publish', async () => {
    await using here = await sqlWorld()
    const projection = joinedTables()
    here.bus.use(projection)
    await here.bus.start()
    here.faults.add({ what: 'fail', at: ['find', 'read', 'publish'] })
    const publishing = here.bus.publish(OrderPlaced, placed(1))
    await here.clock.advance('1s')
    here.faults.heal()
    await meanwhile(here, publishing)
    expect(await projection.of(here.bus).query(sql`select id from orders`)).toEqual([{ id: 'o-1' }])
    here.faults.add({ what: 'fail', at: ['find', 'read', 'publish'] })
    const failing = here.bus.publish(OrderPaid, { orderId: 'o-1' }, { deadline: '1s' })
    await expect(meanwhile(here, failing)).rejects.toMatchObject({ code: 'TIDINGS_STORE_UNAVAILABLE' })
    here.faults.heal()
  })

  it('tells who waits in vain behind an event that cannot be applied', async () => {
    await using here = await sqlWorld()
    await using elsewhere = await createTestBus({ beside: here })
    await elsewhere.bus.start()
    here.bus.use(joinedTables(1, { retry: { tries: 1 } }))
    await here.bus.start()
    await elsewhere.bus.publish(OrderPlaced, { orderId: 'bad', customerId: null as never, total: 1 })
    await here.bus.settled()
    await expect(
      meanwhile(here, here.bus.publish(OrderPaid, { orderId: 'bad' }, { deadline: '2s' })),
    ).rejects.toMatchObject({
      code: 'TIDINGS_PROJECTION_BEHIND',
      details: { name: 'orders' },
    })
    expect(here.published(OrderPaid)).toEqual([])
    // Other streams are no business of it.
    await here.bus.publish(OrderPlaced, placed(2))
  })

  it('leaves an old log to its subscription where it is new', async () => {
    await using here = await sqlWorld()
    for (let n = 0; n < 20; n++) await here.bus.publish(OrderPlaced, placed(n))
    await here.bus.start()
    const projection = joinedTables()
    here.bus.use(projection)
    await here.bus.publish(OrderPaid, { orderId: 'o-7' })
    await here.bus.settled()
    expect(await projection.of(here.bus).query(sql`select id from orders where state = 'paid'`)).toEqual([
      { id: 'o-7' },
    ])
    expect(await projection.of(here.bus).query(sql`select count(*) as n from orders`)).toEqual([{ n: 20 }])
  })

  it('is part of a transaction, with what else it writes, and of a decision', async () => {
    await using here = await sqlWorld()
    const projection = joinedTables()
    here.bus.use(projection)
    await here.bus.start()
    const { query } = projection.of(here.bus)
    await sqlOf(here).commit([{ statements: [sql`create table ledger (id text)`] }])
    const order = (orderId: string, fails: boolean) =>
      here.bus.transaction(async ({ tx, publish }) => {
        await tx.sql`insert into ledger values (${orderId})`
        await publish(OrderPlaced, { orderId, customerId: 'c', total: 1 })
        await publish(LineAdded, { orderId, sku: 'tea', quantity: 1 })
        await publish(LineAdded, { orderId, sku: 'tea', quantity: fails ? (null as never) : 1 })
      })
    await order('o-1', false)
    expect(await query(sql`select quantity from order_lines`)).toEqual([{ quantity: 2 }])
    await expect(order('o-2', true)).rejects.toMatchObject({ code: 'TIDINGS_UNIT_REFUSED' })
    expect(await query(sql`select id from ledger`)).toEqual([{ id: 'o-1' }])
    await decide(here.bus, Order, 'o-1', () => [OrderPaid.create({ orderId: 'o-1' })])
    expect(await query(sql`select id, state from orders`)).toEqual([{ id: 'o-1', state: 'paid' }])
    await here.bus.settled()
    expect(await query(sql`select sum(quantity) as n from order_lines`)).toEqual([{ n: 2 }])
  })

  it('has come up once what stood in the log when it began is applied, and waits from then on', async () => {
    await using here = await sqlWorld()
    await using elsewhere = await createTestBus({ beside: here })
    await here.bus.publish(OrderPlaced, placed(1))
    await elsewhere.bus.start()
    const projection = joinedTables(1, { retry: { tries: 1 } })
    here.bus.use(projection)
    await here.bus.start()
    await here.clock.advance('3s')
    await elsewhere.bus.publish(OrderPlaced, { orderId: 'bad', customerId: null as never, total: 1 })
    await here.bus.settled()
    await expect(
      meanwhile(here, here.bus.publish(OrderPaid, { orderId: 'bad' }, { deadline: '2s' })),
    ).rejects.toMatchObject({
      code: 'TIDINGS_PROJECTION_BEHIND',
      details: { name: 'orders', waitsFor: 'stream', category: 'order' },
    })
    expect(here.published(OrderPaid)).toEqual([])
  })

  it('keeps an expected version, and content that is published once', async () => {
    await using here = await sqlWorld()
    const projection = joinedTables()
    here.bus.use(projection)
    await here.bus.start()
    await here.bus.publish(OrderPlaced, placed(1), { expectedVersion: 0 })
    await expect(here.bus.publish(OrderPaid, { orderId: 'o-1' }, { expectedVersion: 0 })).rejects.toMatchObject({
      code: 'TIDINGS_CONFLICT',
      details: { field: 'expectedVersion', actual: 1 },
    })
    const first = await here.bus.publish(OrderPaid, { orderId: 'o-1' }, { expectedVersion: 1, dedupKey: 'pay' })
    const again = await here.bus.publish(OrderPaid, { orderId: 'o-1' }, { dedupKey: 'pay' })
    expect(again.duplicateOf).toBe(first.id)
    const line = { id: 'line-1', timestamp: here.clock.now() }
    const same = await here.bus.publish(LineAdded, { orderId: 'o-1', sku: 'tea', quantity: 1 }, line)
    const repeated = await here.bus.publish(LineAdded, { orderId: 'o-1', sku: 'tea', quantity: 1 }, line)
    expect(repeated.position).toBe(same.position)
    await here.bus.settled()
    expect(await projection.of(here.bus).query(sql`select quantity from order_lines`)).toEqual([{ quantity: 1 }])
  })
})

describe('a projection of documents in the commit of its events', () => {
  it('sees what the same publish has written before, and stands beside others that change the same document', async () => {
    await using here = await createTestBus()
    await using second = await createTestBus({ beside: here })
    const projection = defineJoinedDocuments()
    here.bus.use(projection)
    second.bus.use(defineJoinedDocuments())
    await here.bus.start()
    await second.bus.start()
    const all = Array.from({ length: 30 }, (_, n) =>
      (n % 2 === 0 ? here : second).bus.publish([
        OrderPlaced.create({ orderId: `o-${n}`, customerId: 'c', total: 1 }),
        LineAdded.create({ orderId: `o-${n}`, sku: 'tea', quantity: 1 }),
        LineAdded.create({ orderId: `o-${n}`, sku: 'tea', quantity: 1 }),
      ]),
    )
    await meanwhile(here, Promise.all(all))
    const { orders, customers } = projection.of(here.bus).documents
    expect(await customers.get('c')).toEqual({ spent: 30 })
    for (let n = 0; n < 30; n++) expect(await orders.get(`o-${n}`)).toMatchObject({ lines: { tea: 2 } })
    await here.bus.settled()
    await second.bus.settled()
    expect(await customers.get('c')).toEqual({ spent: 30 })
    expect(await here.store.find('inline')).toEqual([])
  })

  it('asks for no marks of what was in the log before it began', async () => {
    const memory = memoryStore({ partitions: 1 })
    let asked = 0
    const store: Store = {
      ...memory,
      find(collection, query) {
        if (collection === 'inline') asked++
        return memory.find(collection, query)
      },
    }
    await using here = await createTestBus({ store })
    for (let n = 0; n < 50; n++) await here.bus.publish(OrderPlaced, placed(n))
    const projection = defineJoinedDocuments()
    here.bus.use(projection)
    await here.bus.start()
    await here.clock.advance('5s')
    expect(asked).toBe(0)
    await here.bus.publish(OrderPlaced, placed(50))
    await here.clock.advance('5s')
    expect(asked).toBe(1)
    expect(await projection.of(here.bus).documents.orders.find({ limit: 100 })).toHaveLength(51)
  })

  it('cannot keep the order of all streams', () => {
    expect(() =>
      defineProjection('all', { version: 1, mode: 'same-commit', order: 'all', documents: {}, on: () => [] }),
    ).toThrow(/`order` to be 'stream' with `mode: 'same-commit'`/)
  })
})

const defineJoinedDocuments = () => orderDocuments(1, { mode: 'same-commit' })
