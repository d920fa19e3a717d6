import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createClient } from '@redis/client'
import pg from 'pg'
import { createEventBus, type EventBus, operationsOf, type ProjectionStatus, sql } from 'tidings'
import { afterEach, describe, expect, it } from 'vitest'

import { type ServerName, serverUrl, without } from '../../tools/servers/index.ts'
import { LineAdded, OrderPaid, OrderPlaced, orderDocuments, orderTables } from './orders.ts'

const postgres = await serverUrl('postgres')
const redis = await serverUrl('redis')

const ends: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

/** A place of its own, gone after the test. */
interface Place {
  readonly url: string
}

const folder = (): Place => {
  const path = mkdtempSync(join(tmpdir(), 'tidings-projections-'))
  ends.push(() => rmSync(path, { recursive: true, force: true }))
  return { url: `sqlite:${join(path, 'tidings.db')}` }
}

const schema = (): Place => {
  const name = `projections_${randomBytes(5).toString('hex')}`
  ends.push(async () => {
    const client = new pg.Client({ connectionString: postgres as string })
    await client.connect()
    await client.query(`drop schema if exists ${name} cascade`)
    await client.end()
  })
  return { url: `${postgres}?schema=${name}&options=${encodeURIComponent(`-c search_path=${name}`)}` }
}

const prefix = (): Place => {
  const name = `projections-${randomBytes(5).toString('hex')}`
  ends.push(async () => {
    const client = createClient({ url: redis as string })
    await client.connect()
    for await (const keys of client.scanIterator({ MATCH: `{${name}}*`, COUNT: 1_000 }))
      if (keys.length > 0) await client.del(keys)
    await client.close()
  })
  return { url: `${redis}?prefix=${name}` }
}

async function bus({ url }: Place): Promise<EventBus> {
  const opened = await createEventBus({ url, source: '/shop' })
  ends.push(() => opened.close())
  return opened
}

/** Publishes until it is told to stop. Answers how many orders there are. */
function traffic(publisher: EventBus, pause = 5): { stop(): Promise<number> } {
  let going = true
  let n = 0
  const running = (async (): Promise<number> => {
    for (; going; n++) {
      await publisher.publish([
        OrderPlaced.create({ orderId: `o-${n}`, customerId: `c-${n % 5}`, total: n }),
        LineAdded.create({ orderId: `o-${n}`, sku: 'tea', quantity: 1 }),
      ])
      if (n % 3 === 0) await publisher.publish(OrderPaid, { orderId: `o-${n}` })
      // A steady stream, so that what is behind can come up.
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
    return n
  })()
  const stop = (): Promise<number> => {
    going = false
    return running
  }
  ends.push(async () => void (await stop().catch(() => {})))
  return { stop }
}

async function until(operator: EventBus, what: (status: ProjectionStatus) => boolean): Promise<ProjectionStatus> {
  let seen: ProjectionStatus | undefined
  await expect
    .poll(async () => what((seen = await operationsOf(operator).projections.progress('orders'))), {
      timeout: 40_000,
      message: 'the projection never came there',
    })
    .toBe(true)
  return seen as ProjectionStatus
}

const sqlStores: readonly { readonly name: string; readonly server?: ServerName; readonly place: () => Place }[] = [
  { name: 'SQLite', place: folder },
  { name: 'PostgreSQL', server: 'postgres', place: schema },
]

describe.each(sqlStores)('tables on $name', ({ server, place }) => {
  const needs = server === undefined ? {} : without(server)
  it('are rebuilt and switched to a new version while traffic goes on, and readers never see a gap', {
    timeout: 120_000,
    ...needs,
  }, async () => {
    const where = place()
    const [publisher, one, two] = [await bus(where), await bus(where), await bus(where)]
    const first = orderTables()
    one.use(first)
    await one.start()
    two.use(orderTables())
    await two.start()
    await publisher.start()
    const going = traffic(publisher)
    const reader = first.of(one)
    await reader.caughtUpTo((await publisher.publish(OrderPaid, { orderId: 'none' })).position, { timeout: '20s' })

    let least = 0
    let looks = 0
    let reading = true
    const watching = (async () => {
      for (; reading; looks++) {
        const [row] = await reader.query(
          sql`select count(*) as n, count(distinct customer) as c, (select count(*) from order_lines) as l from orders`,
        )
        const n = Number(row?.n)
        if (n < least || Number(row?.c) > 5) throw new Error(`A gap: ${n} orders after ${least}`)
        least = n
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    })()

    const { projections } = operationsOf(publisher)
    await projections.rebuild('orders')
    const rebuilt = await until(publisher, ({ live }) => live === 2)
    expect(rebuilt.generations[1]?.parity).toMatchObject({ verdict: 'equal' })

    const three = await bus(where)
    const second = orderTables(2)
    three.use(second)
    await three.start()
    await until(publisher, ({ live }) => live === 3)
    const orders = await going.stop()
    reading = false
    await watching
    expect(looks).toBeGreaterThan(10)

    const after = second.of(three)
    const last = await publisher.publish(OrderPaid, { orderId: 'none' })
    await after.caughtUpTo(last.position, { timeout: '20s' })
    expect(await after.query(sql`select count(*) as n, min(version) as v from orders`)).toEqual([{ n: orders, v: 2 }])

    // What was live is fed on by those who have its code, and can be seen again.
    await projections.rollback('orders', { wait: '20s' })
    await expect.poll(() => first.of(one).query(sql`select count(*) as n from orders`)).toEqual([{ n: orders }])
    await expect(reader.query(sql`select version from orders`)).rejects.toMatchObject({ code: 'TIDINGS_UNIT_REFUSED' })
    expect(await reader.rebuildStream('order/o-1')).toMatchObject({ generation: 2 })
  })
})

describe('on PostgreSQL', without('postgres'), () => {
  it('keeps the rights of readers through a new version, and waits for those who hold the view', async () => {
    const where = schema()
    const one = await bus(where)
    one.use(orderTables())
    await one.start()
    const { position } = await one.publish(OrderPlaced, { orderId: 'o-1', customerId: 'c', total: 1 })
    const client = new pg.Client({ connectionString: where.url.split('?')[0] as string, options: searchPathOf(where) })
    await client.connect()
    ends.push(() => client.end())
    const role = `reader_${randomBytes(5).toString('hex')}`
    await client.query(`create role ${role}`)
    ends.push(async () => {
      const admin = new pg.Client({ connectionString: postgres as string })
      await admin.connect()
      await admin.query(`drop owned by ${role}; drop role ${role}`)
      await admin.end()
    })
    await client.query(`grant select on orders to ${role}`)
    // A reader that does not end holds the view; the switch gives way to those who come after it.
    await client.query('begin')
    await client.query('select * from orders')
    const two = await bus(where)
    const second = orderTables(2)
    two.use(second)
    await two.start()
    await expect
      .poll(async () => (await second.of(two).status()).generations[1]?.position)
      .toBeGreaterThanOrEqual(position)
    expect((await second.of(two).status()).live).toBe(1)
    await client.query('commit')
    await until(one, ({ live }) => live === 2)
    const { rows } = await client.query<{ may: boolean }>(
      `select has_table_privilege('${role}', 'orders', 'select') as may`,
    )
    expect(rows).toEqual([{ may: true }])
  })
})

const joining: readonly { readonly name: string; readonly server?: ServerName; readonly place: () => Place }[] = [
  ...sqlStores,
  { name: 'Redis', server: 'redis', place: prefix },
]

describe.each(joining)('documents in the commit of their events on $name', ({ server, place }) => {
  it('are there when a publish returns, in each of two processes, through a rebuild', {
    timeout: 120_000,
    ...(server === undefined ? {} : without(server)),
  }, async () => {
    const where = place()
    const [plain, one, two] = [await bus(where), await bus(where), await bus(where)]
    const define = () => orderDocuments(1, { mode: 'same-commit' })
    const [first, second] = [define(), define()]
    one.use(first)
    two.use(second)
    for (const each of [plain, one, two]) await each.start()
    let going = true
    const lines = async (publisher: EventBus, projection: typeof first, name: string): Promise<number> => {
      const { orders } = projection.of(publisher).documents
      let n = 0
      for (; going; n++) {
        const orderId = `${name}-${n}`
        // Whoever does not use the projection leaves it to those who do.
        await (n % 5 === 4 ? plain : publisher).publish(OrderPlaced, { orderId, customerId: name, total: 1 })
        await publisher.publish(LineAdded, { orderId, sku: 'tea', quantity: 1 })
        const order = await orders.get(orderId)
        if (order?.lines.tea !== 1) throw new Error(`${orderId} was published and is not there`)
        // A steady stream, so that what is behind can come up.
        await new Promise((resolve) => setTimeout(resolve, 25))
      }
      return n
    }
    const writing = Promise.all([lines(one, first, 'a'), lines(two, second, 'b')])
    const { projections } = operationsOf(plain)
    await expect
      .poll(async () => (await first.of(one).documents.orders.find({ limit: 100 })).length)
      .toBeGreaterThan(20)
    await projections.rebuild('orders')
    const watched = until(plain, ({ live }) => live === 2)
    const rebuilt = await Promise.race([watched, writing.then(() => watched)])
    expect(rebuilt.generations[1]?.parity).toMatchObject({ verdict: 'equal' })
    going = false
    const [a, b] = await writing
    const last = await plain.publish(OrderPaid, { orderId: 'none' })
    await first.of(one).caughtUpTo(last.position, { timeout: '20s' })
    const { orders, customers } = first.of(one).documents
    expect(await orders.find({ limit: 100_000 })).toHaveLength(a + b)
    expect([await customers.get('a'), await customers.get('b')]).toEqual([{ spent: a }, { spent: b }])
  })
})

function searchPathOf({ url }: Place): string {
  return new URL(url).searchParams.get('options') ?? ''
}

describe('documents on Redis', without('redis'), () => {
  it('are rebuilt and switched while traffic goes on', async () => {
    const where = prefix()
    const [publisher, one] = [await bus(where), await bus(where)]
    const projection = orderDocuments()
    one.use(projection)
    await one.start()
    await publisher.start()
    // Documents are changed one commit after another, beside whatever else this server does.
    const going = traffic(publisher, 25)
    const reader = projection.of(one)
    await operationsOf(publisher).projections.rebuild('orders')
    const rebuilt = await until(publisher, ({ live }) => live === 2)
    expect(rebuilt.generations[1]?.parity).toMatchObject({ verdict: 'equal' })
    const orders = await going.stop()
    const last = await publisher.publish(OrderPaid, { orderId: 'none' })
    await reader.caughtUpTo(last.position, { timeout: '20s' })
    expect(await reader.documents.orders.find({ limit: 100_000 })).toHaveLength(orders)
    expect(
      await reader.documents.orders.find({ by: { index: 'customer', equal: 'c-1' }, limit: 100_000 }),
    ).toHaveLength(Math.ceil((orders - 1) / 5))
  })
})
