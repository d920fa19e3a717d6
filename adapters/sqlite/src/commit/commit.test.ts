import { DatabaseSync } from 'node:sqlite'

import { type CommitResult, type EventRecord, type Unit, virtualRuntime } from 'tidings/spi'
import { afterEach, describe, expect, it } from 'vitest'

import {
  append,
  cleanUp,
  commitOne,
  file,
  open,
  plainSql,
  record,
  records,
  statement,
} from '../../tests/sqlite-world.ts'

afterEach(cleanUp)

const stock = plainSql('create table stock (sku text primary key, n integer)')
const put = (sku: string): Unit['statements'] => [statement(['insert into stock (sku) values (', ')'], sku)]

function statuses(results: readonly CommitResult[]): string[] {
  return results.map((result) => result.status)
}

describe('units that fail in the middle', () => {
  it('an SQL statement that ends the whole transaction undoes its own unit alone', async () => {
    const store = await open(file())
    await commitOne(store, { statements: [stock, plainSql("insert into stock (sku) values ('a')")] })
    const results = await store.commit([
      { append: [record()], documents: [{ collection: 'c', id: '1', put: '1' }] },
      { append: [record()], statements: [plainSql("insert or rollback into stock (sku) values ('a')")] },
      { append: [record()], statements: put('b')! },
    ])
    expect(statuses(results)).toEqual(['committed', 'refused', 'committed'])
    expect((await store.readAll({ after: 0, limit: 10 })).events.map((one) => one.streamVersion)).toEqual([1, 2])
    expect(await store.query(plainSql('select sku from stock'))).toEqual([{ sku: 'a' }, { sku: 'b' }])
    expect(await store.find('c')).toHaveLength(1)
  })

  it('a constraint that is checked at COMMIT refuses the unit that broke it', async () => {
    const store = await open(file())
    await commitOne(store, {
      statements: [
        plainSql('create table parent (id integer primary key)'),
        plainSql('create table child (parent integer references parent deferrable initially deferred)'),
      ],
    })
    const orphan = plainSql('insert into child values (7)')
    const results = await store.commit([
      { append: [record()] },
      { append: [record()], statements: [orphan] },
      {
        append: [record()],
        statements: [plainSql('insert into child values (8)'), plainSql('insert into parent values (8)')],
      },
    ])
    expect(statuses(results)).toEqual(['committed', 'refused', 'committed'])
    expect(
      (await store.readStream({ tenant: '', category: 'order', key: 'o-1' })).map((one) => one.streamVersion),
    ).toEqual([1, 2])
  })

  it('ids that only claimed to be fresh are found all the same', async () => {
    const store = await open(file())
    const one = record({ fresh: true })
    const [placed] = await append(store, one)
    const other = record({ fresh: true })
    const results = await store.commit([{ append: [other] }, { append: [one] }, { append: [record(), one] }])
    expect(statuses(results)).toEqual(['committed', 'committed', 'refused'])
    expect(results[1]).toEqual({ status: 'committed', events: [placed], repeated: true })
    expect((await store.readAll({ after: 0, limit: 10 })).events.map((event) => event.record.id)).toEqual([
      one.id,
      other.id,
    ])
  })

  it('a stream that is named by the id of its first event goes on when it is repeated and joined', async () => {
    const store = await open(file())
    const first = record({ id: 'e-1', key: 'e-1', fresh: true })
    await append(store, first)
    await append(store, ...records(2, (at) => ({ key: `e-${at + 1}` })))
    expect(await commitOne(store, { append: [first] })).toMatchObject({ status: 'committed', repeated: true })
    const stream = await store.readStream({ tenant: '', category: 'order', key: 'e-1' })
    expect(stream.map((event) => event.position)).toEqual([1, 2])
  })

  it('an event that the tables cannot hold is refused alone, and leaves no trace in what is remembered', async () => {
    const store = await open(file())
    const broken = record({ key: 'new', time: 0.5 })
    const results = await store.commit([
      { append: [record()] },
      { append: [broken] },
      { append: [record({ key: 'new' })] },
    ])
    expect(statuses(results)).toEqual(['committed', 'refused', 'committed'])
    const [, , last] = results as (CommitResult & { status: 'committed' })[]
    expect(last?.events[0]?.streamVersion).toBe(1)
    expect(
      statuses(await store.commit([{ documents: [{ collection: 'c', id: '1', put: '', index: { n: Number.NaN } }] }])),
    ).toEqual(['refused'])
  })

  it('events on their way are neither lost nor written twice when a unit behind them fails', async () => {
    const store = await open(file())
    await commitOne(store, { statements: [stock] })
    const broken: Unit = { documents: [{ collection: 'c', id: '1', put: '', index: { n: Number.NaN } }] }
    const failing: Unit = { append: [record({ fresh: true })], statements: [plainSql('selec 1')] }
    const one = (): Unit => ({ append: [record({ fresh: true })] })
    expect(statuses(await store.commit([one(), broken, one()]))).toEqual(['committed', 'refused', 'committed'])
    const same = record({ fresh: true })
    const mixed = [one(), failing, { ...one(), statements: put('a')! }, failing, one(), { append: [same] }]
    const results = await store.commit([...mixed, { append: [{ ...same, fresh: false }] }])
    expect(statuses(results)).toEqual(
      mixed.map((unit) => (unit === failing ? 'refused' : 'committed')).concat('committed'),
    )
    expect(results.at(-1)).toMatchObject({ repeated: true, events: [{ streamVersion: 6 }] })
    const { events } = await store.readAll({ after: 0, limit: 20 })
    expect(events.map((event) => event.streamVersion)).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('getters of a record are each asked once', async () => {
    const store = await open(file())
    const asked: Record<string, number> = {}
    const counting = new Proxy(record({ fresh: true }), {
      get(target, name: keyof EventRecord) {
        asked[name] = (asked[name] ?? 0) + 1
        return target[name]
      },
    })
    await append(store, counting)
    expect(asked).toMatchObject({ data: 1, checksum: 1, seal: 1, context: 1 })
  })
})

describe('what is remembered between commits', () => {
  it('is dropped when another connection has written', async () => {
    const path = file()
    const [one, two] = [await open(path), await open(path)]
    for (let round = 1; round <= 3; round++) {
      const [a] = await append(one, record())
      const [b] = await append(two, record())
      expect([a?.streamVersion, b?.streamVersion]).toEqual([round * 2 - 1, round * 2])
      expect(b?.position).toBe(round * 2)
    }
  })

  it('misleads no precondition when another connection has written', async () => {
    const path = file()
    const [one, two] = [await open(path), await open(path)]
    await append(one, record())
    await append(two, record())
    const expectation = { stream: { tenant: '', category: 'order', key: 'o-1' }, version: 1 }
    const unit: Unit = { expect: [expectation], documents: [{ collection: 'c', id: 'stale', put: '1' }] }
    expect(await commitOne(one, unit)).toEqual({ status: 'conflict', expectation, actual: 2 })
    expect(await one.find('c')).toEqual([])
  })

  it('is dropped when an interactive transaction of the same store has written', async () => {
    const store = await open(file())
    await append(store, record())
    const tx = await store.begin({ hold: 1_000 })
    await tx.commit({ append: records(2) })
    expect((await append(store, record()))[0]).toEqual({ position: 4, streamVersion: 4 })
  })

  it('survives more streams than it holds', { timeout: 30_000 }, async () => {
    const store = await open(':memory:')
    for (let round = 1; round <= 2; round++) {
      const units = records(21_000, (at) => ({ key: `k-${at}`, fresh: true })).map((one) => ({ append: [one] }))
      const results = (await store.commit(units)) as (CommitResult & { status: 'committed' })[]
      expect(new Set(results.map((result) => result.events[0]?.streamVersion))).toEqual(new Set([round]))
    }
  })
})

describe('a locked file', () => {
  it('is waited for without blocking the process, and commits keep their order', async () => {
    const path = file()
    const runtime = virtualRuntime()
    const store = await open(path, { runtime })
    const other = new DatabaseSync(path)
    other.exec('begin immediate')
    const first = append(store, record({ id: 'first' }))
    const second = append(store, record({ id: 'second' }))
    const pruned = store.prune({ through: 10, before: 0, limit: 1 })
    const reading = store.readAll({ after: 0, limit: 10 })
    expect((await reading).events).toEqual([])
    await runtime.advance(300)
    other.exec('commit')
    other.close()
    await runtime.advance(100)
    expect([(await first)[0]?.position, (await second)[0]?.position]).toEqual([1, 2])
    expect(await pruned).toEqual({ removed: 0, more: false })
  })

  it('is given up after busyTimeout, and nothing is half done', async () => {
    const path = file()
    const runtime = virtualRuntime()
    const store = await open(path, { runtime, busyTimeout: 200 })
    const other = new DatabaseSync(path)
    other.exec('begin immediate')
    const failed = expect(append(store, record())).rejects.toMatchObject({ code: 'TIDINGS_STORE_UNAVAILABLE' })
    await runtime.advance(300)
    await failed
    other.exec('commit')
    other.close()
    expect((await append(store, record()))[0]).toEqual({ position: 1, streamVersion: 1 })
  })

  it('makes close wait for the commit under way', async () => {
    const path = file()
    const runtime = virtualRuntime()
    const store = await open(path, { runtime })
    const other = new DatabaseSync(path)
    other.exec('begin immediate')
    const committed = append(store, record())
    let closed = false
    const closing = store.close().then(() => void (closed = true))
    await runtime.advance(100)
    expect(closed).toBe(false)
    other.exec('commit')
    other.close()
    await runtime.advance(100)
    expect(await committed).toHaveLength(1)
    await closing
  })
})

describe('a full file', () => {
  const large = (): EventRecord => record({ data: JSON.stringify('x'.repeat(20_000)) })

  it('rejects with TIDINGS_STORE_FULL, holds nothing half written, and goes on when there is space again', async () => {
    const store = await open(file(), { maxBytes: 262_144 })
    let written = 0
    const fill = async (): Promise<unknown> => {
      for (;;) {
        // Two events and a document: whole or not at all.
        const failed = await store
          .commit([
            { append: [large()], documents: [{ collection: 'count', id: 'one', put: String(written + 2) }] },
            { append: [large()] },
          ])
          .then(
            () => void (written += 2),
            (error: unknown) => error,
          )
        if (failed !== undefined) return failed
      }
    }
    expect(await fill()).toMatchObject({ code: 'TIDINGS_STORE_FULL' })
    expect(written).toBeGreaterThan(4)
    const check = async (): Promise<void> => {
      const { events } = await store.readAll({ after: 0, limit: 100 })
      expect(events.at(-1)?.streamVersion).toBe(written)
      expect((await store.find('count'))[0]?.body).toBe(String(written))
    }
    await check()
    const tx = await store.begin({ hold: 1_000 })
    await expect(tx.commit({ append: [large(), large(), large()] })).rejects.toMatchObject({
      code: 'TIDINGS_STORE_FULL',
    })
    await check()
    await store.prune({ through: 4, limit: 10 })
    expect(await fill()).toMatchObject({ code: 'TIDINGS_STORE_FULL' })
    await check()
    expect((await store.readAll({ after: 0, limit: 100 })).events[0]?.position).toBe(5)
  })
})
