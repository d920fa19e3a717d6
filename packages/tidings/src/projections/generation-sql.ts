import { sql } from '../store/sql.ts'
import type { Statement, StoreCapabilities } from '../store/store.ts'
import { type Generation, tableName } from './generation.ts'

/** How long the statements of a switch wait for those who read, before they give way to them, in milliseconds. PostgreSQL only: others queue behind. */
const patience = 1_000

type Dialect = StoreCapabilities['sql']

/** A generation's own tables, with their indexes. */
export function createTables(
  number: number,
  tables: Readonly<Record<string, Statement>>,
  indexes: Readonly<Record<string, readonly Statement[]>>,
): Statement[] {
  return Object.entries(tables).flatMap(([table, columns]) => {
    const name = tableName(table, number)
    return [
      sql`create table ${sql.identifier(name)} ${columns}`,
      ...(indexes[table] ?? []).map(
        (index, at) => sql`create index ${sql.identifier(`${name}_i${at + 1}`)} on ${sql.identifier(name)} ${index}`,
      ),
    ]
  })
}

/** The views that readers know, for the first time. */
export function createViews({ number, tables }: Pick<Generation, 'number' | 'tables'>): Statement[] {
  return tables.map(
    (table) => sql`create view ${sql.identifier(table)} as select * from ${sql.identifier(tableName(table, number))}`,
  )
}

/**
 * Leads the views over from one generation to another, in one commit. Where both have the same columns, PostgreSQL replaces a view in its place, with the
 * rights that were granted on it; else it is made anew, and so is each right to select.
 */
export function switchViews(
  dialect: Dialect,
  from: Generation,
  to: Generation,
  grants: readonly Grant[] = [],
): Statement[] {
  const replace = dialect === 'postgres' && from.shape === to.shape
  const statements: Statement[] = dialect === 'postgres' ? [waitBriefly()] : []
  const gone = from.tables.filter((table) => !replace || !to.tables.includes(table))
  for (const table of gone) statements.push(sql`drop view ${sql.identifier(table)}`)
  for (const table of to.tables) {
    const source = sql.identifier(tableName(table, to.number))
    statements.push(
      replace
        ? sql`create or replace view ${sql.identifier(table)} as select * from ${source}`
        : sql`create view ${sql.identifier(table)} as select * from ${source}`,
    )
  }
  if (!replace)
    for (const { table, grantee } of grants)
      if (to.tables.includes(table))
        statements.push(
          grantee === 'PUBLIC'
            ? sql`grant select on ${sql.identifier(table)} to public`
            : sql`grant select on ${sql.identifier(table)} to ${sql.identifier(grantee)}`,
        )
  return statements
}

export function dropTables(dialect: Dialect, { number, tables }: Pick<Generation, 'number' | 'tables'>): Statement[] {
  if (tables.length === 0) return []
  return [
    ...(dialect === 'postgres' ? [waitBriefly()] : []),
    ...tables.map((table) => sql`drop table if exists ${sql.identifier(tableName(table, number))}`),
  ]
}

/** Nobody else writes to these tables until the commit. Empty where the store has one writer anyway. */
export function lockTables(dialect: Dialect, { number, tables }: Pick<Generation, 'number' | 'tables'>): Statement[] {
  if (dialect !== 'postgres') return []
  return tables.map((table) => sql`lock table ${sql.identifier(tableName(table, number))} in share row exclusive mode`)
}

/** Who may select from a view, beside its owner. */
export interface Grant {
  readonly table: string
  readonly grantee: string
}

export function grantsQuery(tables: readonly string[]): Statement {
  const names = tables.map((table) => sql`${table}`)
  const list = names.reduce((all, name) => sql`${all}, ${name}`)
  return sql`select g.table_name, g.grantee from information_schema.role_table_grants g
    where g.privilege_type = 'SELECT' and g.grantee <> g.grantor and g.table_name in (${list})
      and g.table_schema = any (current_schemas(false))`
}

function waitBriefly(): Statement {
  return sql`select set_config('lock_timeout', ${String(patience)}, true)`
}
