import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { type Log, type SqlStore, sharedStore, sql } from 'tidings'
import { afterAll, afterEach, expect, it } from 'vitest'

import { migrate } from './migrate.ts'
import type { Migration } from './service.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidings-migrate-'))
const open: (() => unknown)[] = []
let files = 0

afterEach(async () => {
  for (const end of open.splice(0)) await end()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const first: Migration = { id: '0001', statements: [sql`create table notes (id text primary key)`] }
const second: Migration = { id: '0002', statements: [sql`create index notes_by_id on notes (id)`] }

async function onFile(more = ''): Promise<{ store: SqlStore; path: string }> {
  const path = join(folder, `${files++}.db`)
  const store = (await sharedStore(`sqlite:${path}${more}`)) as SqlStore
  open.push(() => store.close())
  return { store, path }
}
const run = (store: SqlStore, migrations: readonly Migration[], log: Log = () => {}): Promise<void> =>
  migrate(store, { service: { name: 'notes', migrations }, now: () => 7, log })
const taken = (store: SqlStore): Promise<readonly unknown[]> =>
  store.query(sql`select id, applied_at from service_migrations order by id`)

it('takes what is new, and each step once', async () => {
  const { store } = await onFile()
  await run(store, [first])
  await Promise.all([run(store, [first, second]), run(store, [first, second])])
  expect(await taken(store)).toEqual([
    { id: '0001', applied_at: 7 },
    { id: '0002', applied_at: 7 },
  ])
})

it('leaves nothing of a step that fails, and tells why', async () => {
  const { store } = await onFile()
  const wrong: Migration = { id: '0002', statements: [...second.statements, sql`create table notes (id text)`] }
  await expect(run(store, [first, wrong])).rejects.toMatchObject({ code: 'TIDINGS_UNIT_REFUSED' })
  expect(await taken(store)).toEqual([{ id: '0001', applied_at: 7 }])
  await run(store, [first, second])
  expect(await taken(store)).toHaveLength(2)
})

it('waits for whoever is at a long migration, for longer than the store waits for a lock', async () => {
  const { store, path } = await onFile('?busyTimeout=50')
  const other = new DatabaseSync(path)
  open.push(() => other.close())
  other.exec('begin immediate')
  const said: string[] = []
  await run(store, [first], (_level, message) => {
    said.push(message)
    other.exec('commit')
  })
  expect(said).toEqual(['Waits for another process that migrates'])
  expect(await taken(store)).toHaveLength(1)
})
