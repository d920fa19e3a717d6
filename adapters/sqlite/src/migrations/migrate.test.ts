import { writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

import { virtualRuntime } from 'tidings/spi'
import { afterEach, describe, expect, it } from 'vitest'

import { append, cleanUp, commitOne, file, hostOf, open, plainSql, record } from '../../tests/sqlite-world.ts'
import { sqlite } from '../index.ts'
import { applicationId } from './migrate.ts'
import { migrations } from './migrations.ts'

afterEach(cleanUp)

/** Changes a file behind the store's back. */
function change(path: string, sql: string): void {
  const db = new DatabaseSync(path)
  db.exec(sql)
  db.close()
}

function openIn(path: string, partitions?: number): Promise<unknown> {
  return sqlite(path, partitions === undefined ? {} : { partitions }).open(hostOf())
}

describe('opening a file', () => {
  it('stamps a new one with our application_id and the schema version', async () => {
    const path = file()
    await (await open(path)).close()
    const db = new DatabaseSync(path)
    expect(db.prepare('pragma application_id').get()).toEqual({ application_id: applicationId })
    expect(db.prepare('pragma user_version').get()).toEqual({ user_version: migrations.length })
    db.close()
  })

  it('moves into a database where the user has tables of his own, and leaves them alone', async () => {
    const path = file()
    change(path, "create table stock (sku text); insert into stock values ('a')")
    const store = await open(path)
    await append(store, record())
    expect(await store.query(plainSql('select sku from stock'))).toEqual([{ sku: 'a' }])
  })

  it('refuses a file of a newer release and changes nothing', async () => {
    const path = file()
    await (await open(path)).close()
    change(path, `pragma user_version = ${migrations.length + 1}`)
    await expect(openIn(path)).rejects.toMatchObject({
      code: 'TIDINGS_STORE_NEWER',
      details: { found: migrations.length + 1, known: migrations.length },
    })
  })

  it('refuses a database of another application and leaves even its journal mode', async () => {
    const path = file()
    change(path, 'pragma application_id = 77; create table theirs (a)')
    await expect(openIn(path)).rejects.toMatchObject({ code: 'TIDINGS_INVALID_OPTION', details: { field: 'path' } })
    const versioned = file()
    change(versioned, 'pragma user_version = 3; create table theirs (a)')
    await expect(openIn(versioned)).rejects.toMatchObject({ code: 'TIDINGS_INVALID_OPTION' })
    const db = new DatabaseSync(path)
    expect(db.prepare('pragma journal_mode').get()).toEqual({ journal_mode: 'delete' })
    expect(db.prepare('select name from sqlite_master').all()).toEqual([{ name: 'theirs' }])
    db.close()
  })

  it('says that a file which is no database is corrupt', async () => {
    const path = file()
    writeFileSync(path, 'dear diary, '.repeat(1_000))
    await expect(openIn(path)).rejects.toMatchObject({ code: 'TIDINGS_STORE_CORRUPT' })
  })

  it('names the path that cannot be opened', async () => {
    const path = `${file()}/nowhere/events.db`
    await expect(openIn(path)).rejects.toMatchObject({
      code: 'TIDINGS_STORE_UNAVAILABLE',
      message: expect.stringContaining(path),
    })
  })

  it('keeps the partition count in the file, and refuses another', async () => {
    const path = file()
    const first = await open(path, { partitions: 3 })
    expect(first.capabilities.partitions).toBe(3)
    await first.close()
    const second = await open(path)
    expect(second.capabilities.partitions).toBe(3)
    expect((await open(path, { partitions: 3 })).capabilities.partitions).toBe(3)
    await expect(openIn(path, 8)).rejects.toMatchObject({
      code: 'TIDINGS_INVALID_OPTION',
      details: { field: 'partitions', asked: 8, kept: 3 },
    })
    expect((await open(file())).capabilities.partitions).toBe(8)
  })

  it('waits for who is migrating it, and finds it done', async () => {
    const path = file()
    const other = new DatabaseSync(path)
    other.exec('pragma journal_mode = wal; begin immediate')
    const runtime = virtualRuntime()
    const opening = sqlite(path).open(hostOf(runtime))
    await runtime.advance(100)
    other.exec('rollback')
    await runtime.advance(100)
    const store = await opening
    expect((await commitOne(store, { append: [record()] })).status).toBe('committed')
    await store.close()
    other.close()
  })

  it('gives up after busyTimeout', async () => {
    const path = file()
    const other = new DatabaseSync(path)
    other.exec('pragma journal_mode = wal; begin immediate')
    const runtime = virtualRuntime()
    const opening = sqlite(path, { busyTimeout: 300 }).open(hostOf(runtime))
    const refused = expect(opening).rejects.toMatchObject({ code: 'TIDINGS_STORE_UNAVAILABLE' })
    await runtime.advance(400)
    await refused
    other.close()
  })
})

describe('the view for people', () => {
  it('shows type, key, tenant, time as text and data as JSON', async () => {
    const store = await open(file())
    await append(
      store,
      record({ tenant: 'acme', time: 1_767_225_600_123, data: '{"total":9}', priority: 0, causation: 'c' }),
      record({ data: Uint8Array.of(1, 2, 3), encoding: 'gzip', correlation: 'x' }),
    )
    const [first, second] = await store.query(plainSql('select * from tidings_log order by position'))
    expect(first).toMatchObject({
      type: 'order.placed',
      tenant: 'acme',
      category: 'order',
      key: 'o-1',
      stream_version: 1,
      time: '2026-01-01T00:00:00.123Z',
      data: '{"total":9}',
      priority: 'critical',
      causation: 'c',
    })
    expect(first?.['correlation']).toBe(first?.['id'])
    expect(second).toMatchObject({ data: '(3 bytes, gzip)', priority: 'normal', correlation: 'x', causation: null })
  })

  it('tells every millisecond of a second right', async () => {
    const store = await open(':memory:')
    const start = 1_767_225_600_000
    const written = Array.from({ length: 1_000 }, (_, at) => record({ time: start + at * 3_600_001 }))
    await append(store, ...written)
    const rows = await store.query(plainSql('select time from tidings_log order by position'))
    expect(rows.map((row) => row['time'])).toEqual(written.map((one) => new Date(one.time).toISOString()))
  })
})
