import { afterEach, describe, expect, it } from 'vitest'

import { without } from '../../../../tools/servers/index.ts'
import { append, atEnd, cleanUp, hostOf, newSchema, open, url, urlOf, withClient } from '../../tests/postgres-world.ts'
import { record } from '../../tests/records.ts'
import { type PostgresOptions, postgres } from '../index.ts'
import { migrations } from './migrations.ts'

afterEach(cleanUp)

function opening(schema: string, options: PostgresOptions = {}): Promise<unknown> {
  return postgres(urlOf(schema), options).open(hostOf())
}

describe('opening a schema', without('postgres'), () => {
  it('is done once by many who open at once', async () => {
    const schema = newSchema()
    const stores = await Promise.all(Array.from({ length: 6 }, () => open(schema)))
    for (const store of stores) await append(store, record())
    expect((await stores[0]?.readAll({ after: 0, limit: 10 }))?.events).toHaveLength(6)
    const { rows } = await withClient((client) => client.query(`select version, partitions from ${schema}.store`))
    expect(rows).toEqual([{ version: migrations.length, partitions: 8 }])
  })

  it('refuses one of a newer release and changes nothing', async () => {
    const schema = newSchema()
    await (await open(schema)).close()
    await withClient((client) => client.query(`update ${schema}.store set version = ${migrations.length + 1}`))
    await expect(opening(schema)).rejects.toMatchObject({
      code: 'TIDINGS_STORE_NEWER',
      details: { found: migrations.length + 1, known: migrations.length },
    })
  })

  it('keeps the partition count, and refuses another', async () => {
    const schema = newSchema()
    expect((await open(schema, { partitions: 3 })).capabilities.partitions).toBe(3)
    expect((await open(schema)).capabilities.partitions).toBe(3)
    await expect(opening(schema, { partitions: 8 })).rejects.toMatchObject({
      code: 'TIDINGS_INVALID_OPTION',
      details: { field: 'partitions', asked: 8, kept: 3 },
    })
  })

  it('moves into a schema that exists, without the right to make one, and runs there with rights to its tables alone', async () => {
    const schema = newSchema()
    const role = `role_${schema}`
    await withClient((client) =>
      client.query(`create role ${role} login; create schema ${schema} authorization ${role}`),
    )
    atEnd(() => withClient((client) => client.query(`drop owned by ${role} cascade; drop role ${role}`)))
    const owner = new URL(urlOf(schema))
    owner.username = role
    const store = await postgres(owner.href).open(hostOf())
    atEnd(() => store.close())
    await append(store, record())
    const user = `user_${schema}`
    await withClient((client) =>
      client.query(`create role ${user} login; grant usage on schema ${schema} to ${user};
        grant select, insert, update, delete on all tables in schema ${schema} to ${user}`),
    )
    atEnd(() => withClient((client) => client.query(`drop owned by ${user} cascade; drop role ${user}`)))
    owner.username = user
    const guest = await postgres(owner.href).open(hostOf())
    atEnd(() => guest.close())
    await append(guest, record())
    expect((await store.readAll({ after: 0, limit: 10 })).events).toHaveLength(2)
  })

  it('keeps stores of other tables in one schema apart', async () => {
    const schema = newSchema()
    const [one, other] = [await open(schema), await open(schema, { table: 'Shop "events"' })]
    await append(one, record())
    await one.commit([{ documents: [{ collection: 'c', id: 'd', put: '' }] }])
    expect([await other.find('c'), (await other.readAll({ after: 0, limit: 10 })).events]).toEqual([[], []])
    await append(other, record())
    const { rows } = await withClient((client) =>
      client.query(`select count(*)::int as n from ${schema}."Shop ""events"""`),
    )
    expect(rows).toEqual([{ n: 1 }])
    await withClient((client) => client.query(`select * from ${schema}."Shop ""events""_dead_letter_queue"`))
  })

  it('says what is wrong with the address, and never the password', async () => {
    const wrong = (change: (address: URL) => void): Promise<unknown> => {
      const address = new URL(urlOf(newSchema()))
      address.password = 's3cret'
      change(address)
      return postgres(address.href, { connectTimeout: 2_000 }).open(hostOf())
    }
    for (const [change, code, words] of [
      [
        (one) => void (one.port = '1'),
        'TIDINGS_STORE_UNAVAILABLE',
        /Cannot reach PostgreSQL at 127\.0\.0\.1:1 \(ECONNREFUSED\)/,
      ],
      [(one) => void (one.pathname = '/nowhere'), 'TIDINGS_INVALID_OPTION', /no such database/],
      [(one) => void (one.username = 'nobody-here'), 'TIDINGS_INVALID_OPTION', /does not accept this user/],
    ] as [(address: URL) => void, string, RegExp][]) {
      const error = (await wrong(change).catch((one: unknown) => one)) as Error & { code: string }
      expect([error.code, error.message]).toEqual([code, expect.stringMatching(words)])
      expect(error.message + JSON.stringify(error)).not.toContain('s3cret')
    }
  })

  it('says aloud what the server does not promise', async () => {
    const heard: unknown[] = []
    const store = await open(newSchema(), { log: (level, message) => void heard.push([level, message]) })
    const { rows } = await withClient((client) => client.query("select current_setting('fsync') as fsync"))
    const safe = rows[0].fsync === 'on'
    expect(store.durability).toBe(safe ? 'full' : 'process')
    expect(heard).toEqual(safe ? [] : [['warn', expect.stringContaining('fsync')]])
    expect(url).toBeDefined()
  })

  it('refuses a database that is not in UTF8', async () => {
    const database = `tidings_latin_${Math.random().toString(36).slice(2, 8)}`
    await withClient((client) =>
      client.query(`create database ${database} encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0`),
    )
    atEnd(() => withClient((client) => client.query(`drop database ${database} with (force)`)))
    const address = new URL(url as string)
    address.pathname = database
    await expect(postgres(address.href).open(hostOf())).rejects.toMatchObject({
      code: 'TIDINGS_INVALID_OPTION',
      details: { encoding: 'SQL_ASCII' },
    })
  })
})
