import { virtualRuntime } from 'tidings/spi'
import { afterEach, describe, expect, it } from 'vitest'

import { append, cleanUp, commitOne, file, open, plainSql, record } from '../../tests/sqlite-world.ts'
import type { SqliteStore } from '../sqlite-store.ts'

afterEach(cleanUp)

const all = plainSql('select sku from stock order by sku')
const put = (sku: string): ReturnType<typeof plainSql> => plainSql(`insert into stock (sku) values ('${sku}')`)

async function stocked(path: string, runtime = virtualRuntime()): Promise<SqliteStore> {
  const store = await open(path, { runtime })
  await commitOne(store, { statements: [plainSql('create table stock (sku text primary key)')] })
  return store
}

describe.each([
  ['a file', file],
  ['memory', () => ':memory:'],
])('an interactive transaction in %s', (_, place) => {
  it('is rolled back when held too long; every call then names the option, and who waits goes on', async () => {
    const runtime = virtualRuntime()
    const store = await stocked(place(), runtime)
    const tx = await store.begin({ hold: 1_000 })
    await tx.query(put('a'))
    const waiting = [append(store, record()), store.prune({ through: 0, limit: 1 }), store.begin({ hold: 50 })] as const
    await runtime.advance(999)
    expect(await tx.query(all)).toEqual([{ sku: 'a' }])
    // Nobody burns attempts meanwhile: the only timer is the hold itself.
    expect(runtime.pending).toBe(1)
    await runtime.advance(1)
    const held = {
      code: 'TIDINGS_TX_HOLD',
      message: expect.stringContaining('txHold'),
      details: { field: 'txHold', limit: 1_000 },
    }
    await expect(tx.query(all)).rejects.toMatchObject(held)
    await expect(tx.commit({})).rejects.toMatchObject(held)
    await tx.rollback()
    expect(await waiting[0]).toEqual([{ position: 1, streamVersion: 1 }])
    await waiting[1]
    await (await waiting[2]).rollback()
    expect(await store.query(all)).toEqual([])
    expect(runtime.pending).toBe(0)
  })

  it('is rolled back when the store closes, and told so', async () => {
    const store = await stocked(place())
    const tx = await store.begin({ hold: 60_000 })
    await tx.query(put('a'))
    const waiting = store.begin({ hold: 60_000 })
    const queued = append(store, record())
    const refused = expect(waiting).rejects.toMatchObject({ code: 'TIDINGS_CLOSED' })
    await store.close()
    await refused
    expect(await queued).toHaveLength(1)
    await expect(tx.query(all)).rejects.toMatchObject({ code: 'TIDINGS_CLOSED' })
    await tx.rollback()
  })

  it('goes on after a statement that failed, and ends with one that rolled everything back', async () => {
    const store = await stocked(place())
    const tx = await store.begin({ hold: 1_000 })
    await tx.query(put('a'))
    await expect(tx.query(put('a'))).rejects.toMatchObject({ code: 'TIDINGS_UNIT_REFUSED' })
    await expect(tx.query(plainSql('commit'))).rejects.toMatchObject({ code: 'TIDINGS_UNIT_REFUSED' })
    expect(await tx.query(all)).toEqual([{ sku: 'a' }])
    await expect(tx.query(plainSql("insert or rollback into stock values ('a')"))).rejects.toMatchObject({
      code: 'TIDINGS_UNIT_REFUSED',
    })
    await expect(tx.query(all)).rejects.toMatchObject({ message: expect.stringContaining('rolled back') })
    expect(await store.query(all)).toEqual([])
    expect(await append(store, record())).toHaveLength(1)
  })

  it('shows others what was there before it, also in the middle of it, and lets them read events', async () => {
    const store = await stocked(place())
    await commitOne(store, { append: [record()], statements: [put('a')] })
    const tx = await store.begin({ hold: 1_000 })
    await tx.query(plainSql('delete from stock'))
    expect([await store.query(all), await tx.query(all)]).toEqual([[{ sku: 'a' }], []])
    expect((await store.readAll({ after: 0, limit: 10 })).events).toHaveLength(1)
    expect((await tx.commit({})).status).toBe('committed')
    expect(await store.query(all)).toEqual([])
    await expect(tx.commit({})).rejects.toMatchObject({ code: 'TIDINGS_UNIT_REFUSED' })
  })
})

describe('interactive transactions of two stores in one process', () => {
  it('take turns, in order of asking', async () => {
    const path = file()
    const [one, two] = [await stocked(path), await open(path)]
    const first = await one.begin({ hold: 1_000 })
    const order: string[] = []
    const second = two.begin({ hold: 1_000 }).then(async (tx) => {
      order.push('second')
      await tx.commit({ statements: [put('b')] })
    })
    const third = append(one, record()).then(() => void order.push('third'))
    await first.query(put('a'))
    expect(order).toEqual([])
    await first.commit({})
    await Promise.all([second, third])
    expect(order).toEqual(['second', 'third'])
    expect(await two.query(all)).toEqual([{ sku: 'a' }, { sku: 'b' }])
  })
})
