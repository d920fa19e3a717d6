import { DatabaseSync } from 'node:sqlite'

import { isSqlStore, sharedStore, sql } from 'tidings'

/** Where some text stands in a database. */
export interface Found {
  readonly table: string
  readonly text: string
}

/**
 * Looks for texts in every row of every table of a store's database, but for the log itself, whose sensitive fields are erased by other means. Upper and
 * lower case count as one. Answers also how many tables were looked into, so that a test can see that it has looked at all.
 */
export async function findInTables(
  url: string,
  texts: readonly string[],
): Promise<{ readonly found: readonly Found[]; readonly tables: number }> {
  const tables = url.startsWith('postgres') ? await postgresTables(url) : sqliteTables(url)
  const found: Found[] = []
  for (const [table, rows] of tables) {
    for (const row of rows) {
      const line = Object.values(row).map(shown).join(' ').toLowerCase()
      for (const text of texts) if (line.includes(text.toLowerCase())) found.push({ table, text })
    }
  }
  return { found, tables: tables.size }
}

type Rows = readonly Readonly<Record<string, unknown>>[]

/** Past the store, which keeps its own tables to itself. */
function sqliteTables(url: string): ReadonlyMap<string, Rows> {
  const db = new DatabaseSync(url.replace(/^sqlite:/, ''), { readOnly: true })
  try {
    const names = db.prepare("select name from sqlite_master where type = 'table'").all()
    const tables = names.map(({ name }) => name as string).filter((name) => name !== 'tidings_events')
    return new Map(tables.map((name) => [name, db.prepare(`select * from "${name}"`).all()]))
  } finally {
    db.close()
  }
}

async function postgresTables(url: string): Promise<ReadonlyMap<string, Rows>> {
  const store = await sharedStore(url)
  try {
    if (!isSqlStore(store)) throw new Error('This store has no tables to look into.')
    const names = await store.query(sql`
      select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables
      where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`)
    const tables = new Map<string, Rows>()
    for (const { name } of names) {
      const table = name as string
      if (!table.endsWith('.events'))
        tables.set(table, await store.query({ text: [`select * from ${table}`], values: [] }))
    }
    return tables
  } finally {
    await store.close()
  }
}

function shown(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : JSON.stringify(value ?? '')
}
