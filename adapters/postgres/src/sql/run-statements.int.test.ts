import { eventually } from '@tidings/conformance'
import type { CommitResult, SqlValue, Statement, Unit } from 'tidings/spi'
import { afterEach, describe, expect, it } from 'vitest'

import { without } from '../../../../tools/servers/index.ts'
import { atEnd, cleanUp, commitOne, newSchema, open, statement, url, withClient } from '../../tests/postgres-world.ts'
import { record } from '../../tests/records.ts'
import { stallingProxy } from '../../tests/stalling-proxy.ts'

afterEach(cleanUp)

const insert = ['insert into t values (', ')']
const put = (value: SqlValue): Statement => statement(insert, value)
const statuses = (results: readonly CommitResult[]): string[] => results.map(({ status }) => status)
const unit = (...statements: readonly Statement[]): Unit => ({ statements })

describe('statements that travel together', without('postgres'), () => {
  it.each([
    ['real', 'double precision', '1.23456789012345', 1.234_567_890_123_45],
    ['date', 'timestamp', '2024-05-06 07:08:09', '2024-05-06 07:08:09'],
    ['integer', 'bigint', '9007199254740993', 9_007_199_254_740_993n],
    ['varchar(3)', 'text', 'longer', 'longer'],
    ['name', 'text', 'n'.repeat(100), 'n'.repeat(100)],
  ])(
    'take a column that was %s for %s as soon as it is: between commits, units, and statements of a unit',
    async (before, after, given, read) => {
      const schema = newSchema()
      const store = await open(schema)
      const change = (type: string): Statement => statement([`alter table t alter column v type ${type} using null`])
      await commitOne(store, unit(statement([`create table t (v ${before})`])))
      expect(statuses(await store.commit([unit(put(null), put(null)), unit(put(null))]))).toEqual([
        'committed',
        'committed',
      ])
      // By somebody else, as a migration would.
      await withClient((client) => client.query(`alter table ${schema}.t alter column v type ${after} using null`))
      expect(statuses(await store.commit([unit(put(given)), unit(put(given))]))).toEqual(['committed', 'committed'])
      expect(await store.query(statement(['select v from t where v is not null']))).toEqual([{ v: read }, { v: read }])
      await commitOne(store, unit(change(before)))
      const units = [unit(put(null), put(null)), unit(change(after)), unit(put(given), put(given))]
      expect(statuses(await store.commit(units))).toEqual(['committed', 'committed', 'committed'])
      expect(await store.query(statement(['select v from t where v is not null']))).toEqual([{ v: read }, { v: read }])
      await commitOne(store, unit(change(before)))
      // Texts alternate here, so that they have names.
      const remove = statement(["delete from t where v::text = 'nothing'"])
      const last = {
        append: [record()],
        ...unit(put(null), remove, put(null), remove, change(after), remove, put(given), remove),
      }
      expect(await commitOne(store, last)).toMatchObject({ status: 'committed' })
      expect(await store.query(statement(['select v from t where v is not null']))).toEqual([{ v: read }])
    },
  )

  it('fail alone: the rest of their commit stands, whatever stood in the middle of which run', async () => {
    const store = await open()
    await commitOne(store, unit(statement(['create table t (v int primary key)'])))
    const select = (text: string): Statement => statement([text])
    const results = await store.commit([
      unit(put(1), put(2)),
      unit(put(3), put(2), put(4)),
      unit(select('select v from t'), put(5), select('select v from t')),
      unit(put(6), put('six')),
      unit(put(7), select('select nothing')),
      unit(put(8), select('insert into t values (9) returning v'), put(10)),
    ])
    expect(statuses(results)).toEqual(['committed', 'refused', 'committed', 'refused', 'refused', 'committed'])
    expect(results.map((result) => (result.status === 'refused' ? result.error.message : ''))).toEqual([
      '',
      expect.stringMatching(/^Statement 2 of the unit failed: .*23505/),
      '',
      expect.stringMatching(/^Statement 2 of the unit failed: .*22P02/),
      expect.stringMatching(/^Statement 2 of the unit failed: .*42703/),
      '',
    ])
    expect((await store.query(statement(['select v from t order by v']))).map(({ v }) => v)).toEqual([
      1, 2, 5, 8, 9, 10,
    ])
  })

  it('fail alone also where texts alternate', async () => {
    const store = await open()
    await commitOne(store, unit(statement(['create table t (v int primary key)'])))
    await commitOne(store, unit(statement(['create table u (v int primary key)'])))
    const also = (value: SqlValue): Statement => statement(['insert into u values (', ')'], value)
    const both = (value: SqlValue): Unit => ({ append: [record()], ...unit(put(value), also(value)) })
    const results = await store.commit([both(1), both(2), both(2), both('three'), both(4), both(5)])
    expect(statuses(results)).toEqual(['committed', 'committed', 'refused', 'refused', 'committed', 'committed'])
    for (const table of ['t', 'u'])
      expect(await store.query(statement([`select v from ${table} order by v`]))).toEqual(
        [1, 2, 4, 5].map((v) => ({ v })),
      )
  })

  it('leave nothing prepared behind, also where one has failed', async () => {
    const store = await open()
    await commitOne(store, unit(statement(['create table t (v int)'])))
    const remove = (value: SqlValue): Statement => statement(['delete from t where v = ', ''], value)
    const alternating = (value: SqlValue): Unit => unit(put(value), remove(1), put(value), remove(1))
    const units = [unit(put(1), put(2)), unit(put(3), put('four')), alternating(5), alternating('six'), alternating(7)]
    const results = await store.commit(units)
    expect(statuses(results)).toEqual(['committed', 'refused', 'committed', 'refused', 'committed'])
    const tx = await store.begin({ hold: 10_000 })
    expect(await tx.commit(alternating(8))).toMatchObject({ status: 'committed' })
    await commitOne(store, unit(statement(['create table left_over as select name from pg_prepared_statements'])))
    expect(await store.query(statement(['select name from left_over']))).toEqual([])
    // On the connection of the transaction.
    expect(await store.query(statement(['select name from pg_prepared_statements']))).toEqual([])
  })

  it('hold nothing locked for long where the process vanishes in the middle of sending them: the server ends what idles', async () => {
    const schema = newSchema()
    const word = 'v'.repeat(40)
    const proxy = await stallingProxy(url as string, word)
    atEnd(() => proxy.close())
    const direct = await open(schema)
    await commitOne(direct, unit(statement(['create table t (v text)'])))
    const store = await open(schema, { server: proxy.url, timeout: 1_500 })
    const many = Array.from({ length: 400 }, (_, at) => put(at < 200 ? 'before' : word))
    await expect(store.commit([unit(...many)])).rejects.toMatchObject({ code: 'TIDINGS_COMMIT_UNKNOWN' })
    expect(proxy.stalled()).toBe(true)
    await withClient((client) =>
      eventually(
        async () => {
          await client.query('rollback; begin')
          const locked = client.query(`lock table ${schema}.t in access exclusive mode nowait`)
          return locked.then(
            () => true,
            () => false,
          )
        },
        { deadline: 10_000 },
      ),
    )
    expect(await direct.query(statement(['select count(*) as n from t']))).toEqual([{ n: 0 }])
  })
})
