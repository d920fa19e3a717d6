import { eventually } from '@tidings/conformance'
import type { CommitResult, Unit } from 'tidings/spi'
import { afterEach, describe, expect, it } from 'vitest'

import { without } from '../../../../tools/servers/index.ts'
import {
  append,
  cleanUp,
  commitOne,
  logIds,
  newSchema,
  open,
  statement,
  withClient,
} from '../../tests/postgres-world.ts'
import { record, records } from '../../tests/records.ts'

afterEach(cleanUp)

const patience = { deadline: 10_000 }
const statuses = (results: readonly CommitResult[]): string[] => results.map(({ status }) => status)

describe('commit', without('postgres'), () => {
  it('refuses what PostgreSQL cannot hold, wherever it stands among its neighbours, and names no value', async () => {
    const store = await open()
    const bad = [
      { append: [record({ data: '"secret\0"' })] },
      { append: [record({ key: 'secret\0' })] },
      { documents: [{ collection: 'c', id: 'secret\0', put: '' }] },
      { append: [record({ id: 5 as never, key: 'wrong' })] },
      { append: [{ ...record(), data: { secret: 1 } as never }] },
    ]
    const results = await store.commit(bad.flatMap((unit, at) => [unit, { append: [record({ key: `good-${at}` })] }]))
    expect(statuses(results)).toEqual(bad.flatMap(() => ['refused', 'committed']))
    for (const result of results)
      if (result.status === 'refused') {
        expect(result.error).toMatchObject({ code: 'TIDINGS_UNIT_REFUSED' })
        expect(result.error.message).not.toContain('secret')
      }
    expect(await logIds(store)).toHaveLength(bad.length)
  })

  it('stores names that no index entry could hold, and finds them by each of them', async () => {
    const store = await open()
    let seed = 1
    // Noise, because PostgreSQL would compress what repeats itself.
    const noise = (): string =>
      Array.from({ length: 1_000 }, () =>
        String.fromCharCode(0x4e00 + ((seed = (seed * 48_271) % 2_147_483_647) % 20_000)),
      ).join('')
    const [id, source, key, tenant, category, type, correlation, causation] = Array.from({ length: 8 }, noise) as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
    ]
    const one = record({ id, source, key, tenant, category, type, correlation, causation })
    const other = record({
      ...one,
      id: `${id}x`,
      key: `${key}x`,
      correlation: `${correlation}x`,
      causation: `${causation}x`,
    })
    await append(store, one, other)
    expect(await commitOne(store, { append: [one, other] })).toMatchObject({ status: 'committed', repeated: true })
    expect(await commitOne(store, { append: [one, record()] })).toMatchObject({ status: 'refused' })
    expect(await commitOne(store, { append: [{ ...one, fresh: true }] })).toMatchObject({
      status: 'committed',
      repeated: true,
    })
    for (const query of [{ id }, { correlation }, { causation }])
      expect((await store.readAll({ after: 0, limit: 10, ...query })).events.map((event) => event.record.id)).toEqual([
        id,
      ])
    expect(await store.readStream({ tenant, category, key })).toHaveLength(1)
    const documents = [id, `${id}x`].map((name) => ({ collection: 'c', id: name, put: name, index: { by: name } }))
    await commitOne(store, { documents })
    await commitOne(store, { documents })
    expect(await store.find('c', { id })).toEqual([{ id, version: 2, body: id }])
    expect(await store.find('c', { by: { index: 'by', equal: id } })).toHaveLength(1)
    expect((await store.find('c', { by: { index: 'by' } })).map((found) => found.id)).toEqual([id, `${id}x`])
    expect((await store.find('c', { prefix: id, after: id })).map((found) => found.id)).toEqual([`${id}x`])
    await store.prune({ through: 2, limit: 1, stream: { tenant, category, key } })
    expect(await commitOne(store, { expect: [{ stream: one, version: 1 }] })).toMatchObject({ status: 'committed' })
  })

  it('takes one statement for one, so that none ends the transaction from behind', async () => {
    const store = await open()
    await commitOne(store, { statements: [statement(['create table one (n int)'])] })
    const units = ['insert into one values (1); commit', 'insert into one values (2)'].map((text) => ({
      statements: [statement([text])],
    }))
    expect(statuses(await store.commit(units))).toEqual(['refused', 'committed'])
    expect(await store.query(statement(['select n from one']))).toEqual([{ n: 2 }])
  })

  it('runs the statement of a template on the table as it is now, in units of one and of many', async () => {
    const store = await open()
    const insert = (value: string) => statement(['insert into changing values (', ')'], value)
    const [first, second] = [insert('1'), insert('2')]
    // The same template each time, as a handler would run it.
    const same = (value: string) => ({ ...first, values: [value] })
    await commitOne(store, { statements: [statement(['create table changing (n int)'])] })
    expect(statuses(await store.commit([first, second, same('3')].map((one) => ({ statements: [one] }))))).toEqual([
      'committed',
      'committed',
      'committed',
    ])
    await commitOne(store, { statements: [statement(['alter table changing alter column n type text'])] })
    expect(statuses(await store.commit([same('four'), same('five')].map((one) => ({ statements: [one] }))))).toEqual([
      'committed',
      'committed',
    ])
    await commitOne(store, { statements: [statement(['drop table changing'])] })
    expect(statuses(await store.commit([{ statements: [same('6')] }]))).toEqual(['refused'])
    await commitOne(store, { statements: [statement(['create table changing (n int)'])] })
    // What is wrong stays wrong, and its neighbours are right.
    expect(statuses(await store.commit(['7', 'eight', '9'].map((value) => ({ statements: [same(value)] }))))).toEqual([
      'committed',
      'refused',
      'committed',
    ])
    expect(await store.query(statement(['select n from changing order by n']))).toEqual([{ n: 7 }, { n: 9 }])
  })

  it('believes no id that says to be fresh and is stored, in plain units and in those with statements', async () => {
    const store = await open()
    const one = record({ fresh: true })
    await append(store, one)
    const results = await store.commit([
      { append: [record({ key: 'a' })] },
      { append: [one] },
      { append: [record({ fresh: true }), one] },
      { append: [record({ key: 'b' })] },
    ])
    expect(statuses(results)).toEqual(['committed', 'committed', 'refused', 'committed'])
    expect(results[1]).toMatchObject({ repeated: true, events: [{ position: 1 }] })
    const again = await commitOne(store, { append: [one], statements: [statement(['select 1'])] })
    expect(again).toMatchObject({ status: 'committed', repeated: true })
  })

  it('says STORE_FULL when the disk is, and works again when there is space', async () => {
    const schema = newSchema()
    const store = await open(schema)
    await withClient((client) =>
      client.query(`
        create function ${schema}.full() returns trigger language plpgsql as
          $$ begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$;
        create trigger full_disk before insert on ${schema}.events execute function ${schema}.full()`),
    )
    const unit = { append: [record()] }
    await expect(store.commit([unit])).rejects.toMatchObject({ code: 'TIDINGS_STORE_FULL' })
    await expect(store.commit([{ ...unit, statements: [statement(['select 1'])] }])).rejects.toMatchObject({
      code: 'TIDINGS_STORE_FULL',
    })
    await withClient((client) => client.query(`drop trigger full_disk on ${schema}.events`))
    expect(await commitOne(store, unit)).toMatchObject({ status: 'committed', repeated: false })
  })

  it('tries units that deadlock with others again', async () => {
    const schema = newSchema()
    const store = await open(schema)
    await commitOne(store, { statements: [statement(['create table stock (id int primary key, n int)'])] })
    await commitOne(store, { statements: [statement(['insert into stock values (1, 0), (2, 0)'])] })
    const raise = (id: number): string => `update ${schema}.stock set n = n + 1 where id = ${id}`
    await withClient(async (client) => {
      await client.query('begin')
      await client.query(raise(2))
      const units = [1, 2].map((id) => ({ append: [record({ key: `s-${id}` })], statements: [statement([raise(id)])] }))
      const committing = store.commit(units)
      await eventually(async () => {
        const waits = await store.query(
          statement(
            ['select 1 from pg_locks l join pg_stat_activity a using (pid) where not l.granted and a.query like ', ''],
            `%${schema}.stock%`,
          ),
        )
        return waits.length > 0
      }, patience)
      // Whoever waited first finds the deadlock first and gives way.
      await client.query(raise(1))
      await client.query('commit')
      expect(statuses(await committing)).toEqual(['committed', 'committed'])
    })
    expect(await store.query(statement(['select n from stock']))).toEqual([{ n: 2 }, { n: 2 }])
    expect(await logIds(store)).toHaveLength(2)
  })

  it('waits two seconds for a row that somebody keeps locked: who needs it is told that it is not to be had now, and all others commit', async () => {
    const schema = newSchema()
    const store = await open(schema)
    await commitOne(store, { statements: [statement(['create table t (id text primary key, n int)'])] })
    await commitOne(store, { statements: [statement(["insert into t values ('a', 0), ('b', 0)"])] })
    const raise = (id: string): Unit => ({
      append: [record({ key: id })],
      statements: [statement(['update t set n = n + 1 where id = ', ''], id)],
    })
    await withClient(async (holder) => {
      await holder.query(`begin; update ${schema}.t set n = 10 where id = 'a'`)
      const began = performance.now()
      const results = await store.commit([raise('b'), raise('a'), { append: [record()] }, raise('b')])
      expect(performance.now() - began).toBeLessThan(10_000)
      expect(statuses(results)).toEqual(['committed', 'refused', 'committed', 'committed'])
      expect(results[1]).toMatchObject({ error: { code: 'TIDINGS_STORE_UNAVAILABLE', details: { sqlstate: '55P03' } } })
      await holder.query('rollback')
    })
    expect(await commitOne(store, raise('a'))).toMatchObject({ status: 'committed' })
    expect(await store.query(statement(['select id, n from t order by id']))).toEqual([
      { id: 'a', n: 1 },
      { id: 'b', n: 2 },
    ])
  })

  it('commits thousands of units in one call', async () => {
    const store = await open()
    const written = records(5_000, (at) => ({ key: `o-${at % 97}`, fresh: true }))
    const results = await store.commit(written.map((one) => ({ append: [one] })))
    expect(new Set(statuses(results))).toEqual(new Set(['committed']))
    expect(await logIds(store)).toEqual(written.map(({ id }) => id))
  })
})
