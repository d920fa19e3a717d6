import { createHash, hash } from 'node:crypto'

import { sql } from '../store/sql.ts'
import type { SqlStore } from '../store/sql-store.ts'
import type { SqlValue, Statement, Store } from '../store/store.ts'

/** How many rows there are, and one text that is equal for equal rows, in whatever order they stand. */
export interface Digest {
  readonly rows: number
  readonly hash: string
}

/** Rows read at a time. */
const page = 2_000

const modulus = 1n << 128n

/** `goOn` is called between pages. */
export function digestTable(store: SqlStore, table: string, goOn: () => Promise<void>): Promise<Digest> {
  return store.capabilities.sql === 'postgres' ? digestByServer(store, table) : digestByPage(store, table, goOn)
}

/** PostgreSQL hashes what it has where it has it. Two sums of 64 bits: equal for equal rows, in any order. */
async function digestByServer(store: SqlStore, table: string): Promise<Digest> {
  const [row] = await store.query(sql`select count(*) as n,
      coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text || '/' ||
      coalesce(sum(hashtextextended(t::text, 1)::numeric), 0)::text as h
    from ${sql.identifier(table)} t`)
  return { rows: Number(row?.n ?? 0), hash: String(row?.h) }
}

async function digestByPage(store: SqlStore, table: string, goOn: () => Promise<void>): Promise<Digest> {
  const name = sql.identifier(table)
  let rows = 0
  let total = 0n
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const found = await store.query(rowsAfter(name, after))
    for (const { tidings_rowid, ...row } of found) {
      total = (total + numberOf(row)) % modulus
      after = Number(tidings_rowid)
    }
    rows += found.length
    if (found.length < page) return { rows, hash: total.toString(16) }
    await goOn()
  }
}

function rowsAfter(name: Statement, after: number): Statement {
  return sql`select rowid as tidings_rowid, * from ${name} where rowid > ${after} order by rowid limit ${page}`
}

function numberOf(row: Readonly<Record<string, SqlValue>>): bigint {
  const text = JSON.stringify(Object.values(row), (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
  )
  return BigInt(`0x${hash('sha256', text).slice(0, 32)}`)
}

export async function digestCollection(store: Store, collection: string, goOn: () => Promise<void>): Promise<Digest> {
  const sum = createHash('sha256')
  let rows = 0
  for (let after: string | undefined; ; ) {
    const found = await store.find(collection, { limit: page, ...(after === undefined ? {} : { after }) })
    for (const { id, body } of found) sum.update(`${id.length}:${id}${body.length}:${body}`)
    rows += found.length
    after = found.at(-1)?.id
    if (found.length < page) return { rows, hash: sum.digest('hex') }
    await goOn()
  }
}
