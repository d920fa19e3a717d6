import assert from 'node:assert/strict'

import { isSqlStore, type Row, type SqlStore, type SqlValue, type Statement } from 'tidings/spi'

import { commitOne } from './commits.ts'
import type { StoreWorld } from './store-world.ts'

/** A statement with its values between the parts of its text. */
export function statement(text: TemplateStringsArray, ...values: readonly SqlValue[]): Statement {
  return { text, values }
}

export function sqlStoreOf({ store }: StoreWorld): SqlStore {
  assert.ok(isSqlStore(store), 'a store that declares SQL offers begin and query')
  return store
}

const columns = {
  sqlite: 'id text primary key, n integer, r real, t text, b blob, yes integer',
  postgres: 'id text primary key, n bigint, r double precision, t text, b bytea, yes boolean',
}

/** Makes the table that the cases write, by a unit, as a user's migration would. */
export async function createStock(world: StoreWorld): Promise<SqlStore> {
  const store = sqlStoreOf(world)
  const dialect = store.capabilities.sql as keyof typeof columns
  await commitOne(store, {
    statements: [{ text: [`create table conformance_stock (${columns[dialect]})`], values: [] }],
  })
  return store
}

export function insert(id: string, n: number = 1): Statement {
  return statement`insert into conformance_stock (id, n) values (${id}, ${n})`
}

export async function stockIds(reader: { query(statement: Statement): Promise<readonly Row[]> }): Promise<string[]> {
  return (await reader.query(statement`select id from conformance_stock order by id`)).map((row) => String(row['id']))
}
