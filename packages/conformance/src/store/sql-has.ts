import assert from 'node:assert/strict'

import { type CommitResult, isTidingsError, type SqlValue } from 'tidings/spi'

import type { Case } from '../suite/case.ts'
import { record, records } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { rejectsClosed } from './closing.ts'
import { commitOne, commitStatus, order, readLog } from './commits.ts'
import { createStock, insert, sqlStoreOf, statement, stockIds } from './sql-tables.ts'
import type { StoreWorld } from './store-world.ts'

/** Statements that travel in units, and reads outside them; for stores that run SQL. */
export const sqlHas: readonly Case<StoreWorld>[] = [
  {
    promise: 'sql-unit',
    title: 'statements commit with the events and documents of their unit, in order',
    run: async (world) => {
      const store = await createStock(world)
      await commitOne(store, {
        expect: [{ stream: order, version: 0 }],
        append: [record(world)],
        documents: [{ collection: 'c', id: 'd', put: '1' }],
        statements: [
          insert('a', 1),
          statement`update conformance_stock set n = n + ${41} where id = ${'a'}`,
          insert('b'),
        ],
      })
      const rows = await store.query(statement`select n from conformance_stock where id = ${'a'}`)
      same(
        rows.map((row) => Number(row['n'])),
        [42],
      )
      same([(await readLog(store)).length, (await store.find('c')).length], [1, 1])
    },
  },
  {
    promise: 'sql-unit',
    title: 'a failing statement refuses its whole unit, and its neighbours commit',
    run: async (world) => {
      const store = await createStock(world)
      const unit = (id: string, failing: boolean) => ({
        append: [record(world)],
        documents: [{ collection: 'c', id, put: '' }],
        statements: failing ? [insert(id), insert(id)] : [insert(id)],
      })
      for (let place = 0; place < 4; place++) {
        const results = await store.commit([0, 1, 2, 3].map((at) => unit(`${place}-${at}`, at === place)))
        same(
          results.map((result) => result.status),
          [0, 1, 2, 3].map((at) => (at === place ? 'refused' : 'committed')),
        )
        assert.ok((results[place] as CommitResult & { status: 'refused' }).error instanceof Error)
      }
      const expected = [0, 1, 2, 3].flatMap((place) =>
        [0, 1, 2, 3].filter((at) => at !== place).map((at) => `${place}-${at}`),
      )
      same(await stockIds(store), expected)
      same(
        (await store.find('c')).map((one) => one.id),
        expected,
      )
      same(
        (await store.readStream(order)).map((event) => event.streamVersion),
        expected.map((_, at) => at + 1),
      )
    },
  },
  {
    promise: 'sql-unit',
    title: 'a broken constraint is told by its kind, with the same words on every store',
    run: async (world) => {
      const store = sqlStoreOf(world)
      await commitOne(store, {
        statements: [
          statement`create table conformance_shelf (id text primary key)`,
          statement`create table conformance_box (id text primary key, label text not null, size integer unique check (size > 0), shelf text references conformance_shelf (id))`,
          statement`insert into conformance_box (id, label, size) values (${'a'}, ${'first'}, ${1})`,
        ],
      })
      const broken = {
        unique: [
          statement`insert into conformance_box (id, label, size) values (${'a'}, ${'again'}, ${2})`,
          statement`insert into conformance_box (id, label, size) values (${'b'}, ${'same'}, ${1})`,
        ],
        'not null': [statement`insert into conformance_box (id, size) values (${'c'}, ${3})`],
        check: [statement`insert into conformance_box (id, label, size) values (${'d'}, ${'small'}, ${0})`],
        'foreign key': [
          statement`insert into conformance_box (id, label, shelf) values (${'e'}, ${'lost'}, ${'none'})`,
        ],
      }
      for (const [kind, statements] of Object.entries(broken)) {
        for (const one of statements) {
          const result = await commitStatus(store, { statements: [one] })
          assert.ok(result.status === 'refused' && isTidingsError(result.error, 'TIDINGS_UNIT_REFUSED'))
          assert.equal(result.error.details['violates'], kind)
        }
      }
    },
  },
  {
    promise: 'sql-unit',
    title: 'SQL that is no SQL, or names no table, is refused and never rejects the call',
    run: async (world) => {
      const store = sqlStoreOf(world)
      for (const one of [statement`selec 1`, statement`insert into conformance_nowhere (id) values (${1})`]) {
        const results = await store.commit([
          { append: [record(world)] },
          { append: [record(world)], statements: [one] },
        ])
        same(
          results.map((result) => result.status),
          ['committed', 'refused'],
        )
      }
      assert.equal((await readLog(store)).length, 2)
    },
  },
  {
    promise: 'sql-unit',
    title: 'no statement runs where a precondition fails, nor where the unit is a repetition',
    run: async (world) => {
      const store = await createStock(world)
      const conflict = await commitStatus(store, { expect: [{ stream: order, version: 1 }], statements: [insert('a')] })
      assert.equal(conflict.status, 'conflict')
      const unit = { append: records(world, 2), statements: [insert('b')] }
      await commitOne(store, unit)
      const again = await commitStatus(store, unit)
      assert.ok(again.status === 'committed' && again.repeated)
      same(await stockIds(store), ['b'])
    },
  },
  {
    promise: 'sql-values',
    title: 'values are bound, never pasted, and come back as they went in',
    run: async (world) => {
      const store = await createStock(world)
      const texts = ["'); drop table conformance_stock; --", '$1 ? :a @b', 'é 😀 \n "', '']
      const large = 9_007_199_254_740_993n
      const bytes = Uint8Array.of(0, 1, 254, 255)
      for (const [at, text] of texts.entries()) {
        const id = `v-${at}`
        await commitOne(store, {
          statements: [
            statement`insert into conformance_stock (id, n, r, t, b, yes) values (${id}, ${large}, ${1.5}, ${text}, ${bytes}, ${true})`,
          ],
        })
        const [row] = await store.query(statement`select n, r, t, b, yes from conformance_stock where id = ${id}`)
        assert.ok(row)
        assert.equal(BigInt(row['n'] as string | bigint), large)
        assert.equal(row['r'], 1.5)
        assert.equal(row['t'], text)
        same(Uint8Array.from(row['b'] as Uint8Array), bytes)
        assert.equal(Boolean(row['yes']), true)
      }
    },
  },
  {
    promise: 'sql-values',
    title: 'nothing is null, and text that looks like a number stays text',
    run: async (world) => {
      const store = await createStock(world)
      const nothing: SqlValue = null
      await commitOne(store, {
        statements: [
          statement`insert into conformance_stock (id, n, t, yes) values (${'007'}, ${nothing}, ${'1e3'}, ${false})`,
        ],
      })
      const [row] = await store.query(statement`select id, n, t, yes from conformance_stock where id = ${'007'}`)
      same([row?.['id'], row?.['n'], row?.['t'], Boolean(row?.['yes'])], ['007', null, '1e3', false])
    },
  },
  {
    promise: 'sql-unit',
    title: 'after close, query and begin reject with TIDINGS_CLOSED',
    run: async (world) => {
      const store = sqlStoreOf(world)
      await store.close()
      await rejectsClosed(store.query(statement`select 1`))
      await rejectsClosed(store.begin({ hold: 100 }))
    },
  },
]
