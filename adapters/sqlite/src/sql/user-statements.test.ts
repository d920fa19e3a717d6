import { DatabaseSync } from 'node:sqlite'

import { isTidingsError, type SqlValue } from 'tidings/spi'
import { beforeEach, describe, expect, it } from 'vitest'

import { plainSql, statement } from '../../tests/sqlite-world.ts'
import { connectionOf } from '../connection.ts'
import { migrate } from '../migrations/migrate.ts'
import type { UserStatements } from './user-statements.ts'

let db: DatabaseSync
let users: UserStatements

beforeEach(() => {
  db = new DatabaseSync(':memory:')
  migrate(db, ':memory:', undefined)
  db.exec('create table stock (sku text primary key, n integer, note text)')
  users = connectionOf(db).users
})

function write(text: string): void {
  users.run(plainSql(text), 'Statement 1')
}

function refusalOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (isTidingsError(error, 'TIDINGS_UNIT_REFUSED')) return error.message
    throw error
  }
  throw new Error('Expected a refusal.')
}

describe('what SQL of users must not do', () => {
  it.each([
    'begin',
    'commit',
    'END transaction',
    ' -- innocent\n rollback',
    '/* x */ savepoint a',
    'release a',
    "attach ':memory:' as other",
    'detach main',
    'pragma user_version = 9',
    'VACUUM',
    ';commit',
  ])('refuses %j by its first word', (text) => {
    expect(refusalOf(() => write(text))).toMatch(/must not begin with/)
  })

  it.each([
    'insert into tidings_meta values (1, 2)',
    'delete from "TIDINGS_events"',
    'update main.tidings_streams set pruned = 9',
    'drop table tidings_documents',
    'alter table tidings_events add column more',
    'create index mine on tidings_events (type)',
    'create trigger spy after insert on tidings_events begin select 1; end',
    'create trigger spy instead of insert on tidings_log begin select 1; end',
    'create table tidings_mine (a)',
    'create temp view tidings_log as select 1',
    'drop view tidings_log',
    'insert into stock (sku) select id from tidings_events',
    "with tidings_log as (select 1) insert into tidings_meta select 'a', 1 from tidings_log",
  ])('keeps it out of the tables of Tidings: %j', (text) => {
    expect(refusalOf(() => write(text))).toMatch(/table/)
  })

  it('keeps triggers and views of users out as well, when they run', () => {
    write('create trigger sly after insert on stock begin delete from tidings_meta; end')
    expect(refusalOf(() => write("insert into stock (sku) values ('a')"))).toMatch(/tables of Tidings/)
    write('create view peek as select * from tidings_streams')
    expect(refusalOf(() => users.rows(plainSql('select * from peek'), 'read', 'A query'))).toMatch(/tidings_log/)
    expect(db.prepare('select count(*) as n from tidings_meta').get()).toEqual({ n: 2 })
  })

  it('lets queries outside of units read, and nothing else', () => {
    expect(users.rows(plainSql('select count(*) as n from stock'), 'read', 'A query')).toEqual([{ n: 0 }])
    for (const text of [
      "insert into stock (sku) values ('a') returning sku",
      'create table t (a)',
      'delete from stock',
    ]) {
      expect(refusalOf(() => users.rows(plainSql(text), 'read', 'A query'))).toMatch(/only reads/)
    }
    // Neither does having been compiled as a write open the door.
    write("insert into stock (sku) values ('a')")
    expect(refusalOf(() => users.rows(plainSql("insert into stock (sku) values ('a')"), 'read', 'A query'))).toMatch(
      /only reads/,
    )
  })

  it.each(['select 1; select 2', 'select ?', "select 'a' = :b", 'select \0 1', ''])('refuses the text %j', (text) => {
    refusalOf(() => write(text))
  })

  it('refuses values that stand inside quotes, are missing, or cannot be bound', () => {
    refusalOf(() => users.run(statement(["select '", "'"], 'a'), 'Statement 1'))
    refusalOf(() => users.run({ text: ['select ', ''], values: [] }, 'Statement 1'))
    refusalOf(() => users.run({ text: ['select ', ''], values: [1, 2] }, 'Statement 1'))
    for (const value of [undefined, Number.NaN, 2n ** 64n, Symbol('s'), {}]) {
      refusalOf(() => users.run(statement(['select ', ''], value as SqlValue), 'Statement 1'))
    }
  })

  it('names the statement and the constraint, and no value', () => {
    write("insert into stock (sku) values ('secret')")
    const message = refusalOf(() =>
      users.run(statement(['insert into stock (sku) values (', ')'], 'secret'), 'Statement 3'),
    )
    expect(message).toBe('Statement 3 failed: UNIQUE constraint failed: stock.sku.')
  })
})

describe('what SQL of users may do', () => {
  it('reads the log through the view for people', () => {
    expect(users.rows(plainSql('select * from tidings_log'), 'read', 'A query')).toEqual([])
  })

  it('makes tables, triggers of its own, and full-text indexes', () => {
    write('create table log (sku)')
    write('create trigger note after insert on stock begin insert into log values (new.sku); end')
    write("insert into stock (sku) values ('a')")
    write('create virtual table words using fts5 (text)')
    write("insert into words values ('hello world')")
    expect(users.rows(plainSql("select text from words where words match 'hello'"), 'read', 'A query')).toHaveLength(1)
    expect(users.rows(plainSql('select sku from log'), 'read', 'A query')).toEqual([{ sku: 'a' }])
  })

  it('alters its tables, and reads the new shape with statements that were prepared before', () => {
    const all = plainSql('select * from stock')
    write("insert into stock (sku) values ('a')")
    expect(users.rows(all, 'read', 'A query')).toEqual([{ sku: 'a', n: null, note: null }])
    write('alter table stock drop column note')
    expect(users.rows(all, 'read', 'A query')).toEqual([{ sku: 'a', n: null }])
    write('alter table stock rename to goods')
    expect(refusalOf(() => users.rows(all, 'read', 'A query'))).toMatch(/failed/)
  })

  it('binds whole numbers as such, so that text columns do not say 5.0', () => {
    users.run(statement(['insert into stock (sku, n, note) values (', ', ', ', ', ')'], 5, true, 1.5), 'Statement 1')
    expect(users.rows(plainSql('select * from stock'), 'read', 'A query')).toEqual([{ sku: '5', n: 1, note: '1.5' }])
  })

  it('gives large whole numbers back as bigint, others as numbers, in plain objects', () => {
    const values: SqlValue[] = [9_007_199_254_740_993n, Number.MAX_SAFE_INTEGER, -1, 0.5, null]
    const [row] = users.rows(statement(['select ', ' a, ', ' b, ', ' c, ', ' d, ', ' e'], ...values), 'read', 'A query')
    expect(row).toStrictEqual({ a: values[0], b: values[1], c: -1, d: 0.5, e: null })
  })
})
