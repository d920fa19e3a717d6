import { eventually } from '@tidings/conformance'
import type { CommitResult, TidingsError } from 'tidings/spi'
import { afterEach, describe, expect, it } from 'vitest'

import { without } from '../../../../tools/servers/index.ts'
import { cleanUp, commitOne, logIds, newSchema, open, statement, withClient } from '../../tests/postgres-world.ts'
import { record } from '../../tests/records.ts'

afterEach(cleanUp)

const hold = 30_000
const patience = { deadline: 10_000 }
const slow = statement(['select pg_sleep(600)'])

/** Waits until no connection of the store works on a query of this text any more. */
async function noneRuns(text: string): Promise<void> {
  await withClient((client) =>
    eventually(async () => {
      const { rows } = await client.query(
        "select 1 from pg_stat_activity where state <> 'idle' and query like $1 and pid <> pg_backend_pid()",
        [`%${text}%`],
      )
      return rows.length === 0
    }, patience),
  )
}

describe('an interactive transaction', without('postgres'), () => {
  it('stops what the server does for it when its signal aborts, and rejects with the reason', async () => {
    const store = await open()
    const control = new AbortController()
    const tx = await store.begin({ hold, signal: control.signal })
    const query = tx.query(statement(['select pg_sleep(601)']))
    const reason = new Error('withdrawn')
    control.abort(reason)
    await expect(query).rejects.toBe(reason)
    await expect(tx.query(statement(['select 1']))).rejects.toBe(reason)
    await expect(tx.commit({})).rejects.toBe(reason)
    await tx.rollback()
    await noneRuns('pg_sleep(601)')
  })

  it('stops it also when rolled back under way, held too long, or closed with the store', async () => {
    const store = await open()
    const [rolledBack, held] = [await store.begin({ hold }), await store.begin({ hold: 100 })]
    const queries = [rolledBack.query(slow), held.query(slow)]
    const ends = Promise.allSettled(queries)
    await rolledBack.rollback()
    expect(await ends).toMatchObject([
      { status: 'rejected', reason: { code: 'TIDINGS_UNIT_REFUSED' } },
      { status: 'rejected', reason: { code: 'TIDINGS_TX_HOLD' } },
    ])
    const closed = await store.begin({ hold })
    const query = expect(closed.query(slow)).rejects.toMatchObject({ code: 'TIDINGS_CLOSED' })
    await store.close()
    await query
    await noneRuns('pg_sleep(600)')
  })

  it('takes nothing but a rollback after a statement has failed, as PostgreSQL does', async () => {
    const store = await open()
    const tx = await store.begin({ hold })
    await expect(tx.query(statement(['select 1 / ', '::int'], 0))).rejects.toMatchObject({
      code: 'TIDINGS_UNIT_REFUSED',
      details: { sqlstate: '22012' },
    })
    await expect(tx.query(statement(['select 1']))).rejects.toMatchObject({ code: 'TIDINGS_UNIT_REFUSED' })
    expect(await tx.commit({ append: [record()] })).toMatchObject({ status: 'refused' })
    expect(await logIds(store)).toEqual([])
  })

  it('rolls its own work back where its unit was committed before: it was done then', async () => {
    const store = await open()
    await commitOne(store, { statements: [statement(['create table t (n int)'])] })
    const unit = { append: [record()] }
    for (const repeated of [false, true]) {
      const tx = await store.begin({ hold })
      await tx.query(statement(['insert into t values (1)']))
      expect(await tx.commit(unit)).toMatchObject({ status: 'committed', repeated })
    }
    expect(await store.query(statement(['select n from t']))).toEqual([{ n: 1 }])
  })

  it('runs beside others, up to `pool` of them; the next one waits, or changes its mind', async () => {
    const store = await open(newSchema(), { pool: 2 })
    const [first, second] = [await store.begin({ hold }), await store.begin({ hold })]
    const control = new AbortController()
    const waiting = store.begin({ hold, signal: control.signal })
    const reason = new Error('changed my mind')
    control.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    const next = store.begin({ hold })
    // Reading and committing need none of these connections.
    await commitOne(store, { append: [record()] })
    expect(await logIds(store)).toHaveLength(1)
    await first.rollback()
    await (await next).rollback()
    await second.rollback()
  })

  it('is given up where no connection becomes free within `connectTimeout`', async () => {
    const store = await open(newSchema(), { pool: 1, connectTimeout: 1_000 })
    const first = await store.begin({ hold })
    await expect(store.begin({ hold })).rejects.toMatchObject({
      code: 'TIDINGS_STORE_UNAVAILABLE',
      details: { field: 'pool' },
    })
    await first.rollback()
  })

  it('takes no connection from those that commit: SQL in units goes on, and so does pruning, while `pool` transactions are open', async () => {
    const store = await open(newSchema(), { pool: 1, connectTimeout: 1_000 })
    await commitOne(store, { statements: [statement(['create table seen (n int)'])] })
    const sleeping = await store.begin({ hold })
    await sleeping.query(statement(['insert into seen values (1)']))
    const unit = { append: [record()], statements: [statement(['insert into seen values (2)'])] }
    expect(await commitOne(store, unit)).toMatchObject({ status: 'committed' })
    expect(await store.prune({ through: 1, limit: 1 })).toEqual({ removed: 1, more: false })
    await sleeping.rollback()
  })

  it('leaves no lock behind where the process of a unit stands still in the middle: the server ends it in seconds', async () => {
    const store = await open()
    await commitOne(store, {
      statements: [
        statement(["create table told as select current_setting('idle_in_transaction_session_timeout') as after"]),
      ],
    })
    expect(await store.query(statement(['select after from told']))).toEqual([{ after: '5s' }])
  })

  it('tells what the server says of a failing COMMIT, a deferred constraint, as refused', async () => {
    const store = await open()
    await commitOne(store, {
      statements: [statement(['create table t (n int unique deferrable initially deferred)'])],
    })
    const twice = statement(['insert into t values (1), (1)'])
    const tx = await store.begin({ hold })
    await tx.query(twice)
    expect(await tx.commit({ append: [record()] })).toMatchObject({
      status: 'refused',
      error: { details: { sqlstate: '23505' } },
    })
    const results = await store.commit([{ append: [record()] }, { append: [record()], statements: [twice] }])
    expect(results.map(({ status }) => status)).toEqual(['committed', 'refused'])
    expect(await logIds(store)).toHaveLength(1)
  })

  it('quotes no value in what it says of a failure', async () => {
    const store = await open()
    await commitOne(store, { statements: [statement(['create table t (n int check (n < 5))'])] })
    for (const [one, constraint] of [
      [statement(['select ', '::int'], 'secret'), undefined],
      [statement(['insert into t values (', '::int)'], 99), 't_n_check'],
      [statement(["do $$ begin raise exception 'secret'; end $$"]), undefined],
    ] as const) {
      const result = await commitOne(store, { statements: [one] })
      expect(result).toMatchObject({ status: 'refused', error: { code: 'TIDINGS_UNIT_REFUSED' } })
      const { message, details } = (result as CommitResult & { status: 'refused' }).error as TidingsError
      expect(message).not.toMatch(/secret|99/)
      expect(details['constraint']).toBe(constraint)
    }
  })
})

describe('a query outside of any unit', without('postgres'), () => {
  it('only reads, is one statement, and gives values as they are', async () => {
    const store = await open()
    await commitOne(store, { statements: [statement(['create table t (n int)'])] })
    for (const text of ['insert into t values (1)', 'select 1; select 2', 'drop table t', 'nonsense'])
      await expect(store.query(statement([text]))).rejects.toMatchObject({ code: 'TIDINGS_UNIT_REFUSED' })
    const [row] = await store.query(
      statement([
        "select 1::int2 a, 2::int8 b, 9007199254740993 c, 1.5::float4 d, 2.50::numeric e, 'x'::text f, true g, null h, '\\x00ff'::bytea i, 'now' as \"__proto__\"",
      ]),
    )
    expect(Object.entries(row as object)).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', 9_007_199_254_740_993n],
      ['d', 1.5],
      ['e', '2.50'],
      ['f', 'x'],
      ['g', true],
      ['h', null],
      ['i', Buffer.from([0, 255])],
      ['__proto__', 'now'],
    ])
  })
})
