import type pg from 'pg'
import { TidingsError } from 'tidings/spi'

import type { Relations } from '../relations.ts'
import { migrations } from './migrations.ts'

const defaultPartitions = 8

/** Brings the schema to this release and returns its partition count. One that belongs to a newer release is refused untouched. */
export async function migrate(
  client: pg.Client,
  relations: Relations,
  partitions: number | undefined,
): Promise<number> {
  // Most openings find nothing to do; they need neither the lock nor the right to make tables.
  let found = await readStore(client, relations)
  if (found === undefined || found.version < migrations.length) {
    await client.query('begin')
    try {
      await client.query(`select pg_advisory_xact_lock(${relations.migrateLock})`)
      // Another process may have been faster.
      found = await readStore(client, relations)
      await migrateFrom(client, relations, found?.version ?? 0, partitions ?? defaultPartitions)
      await client.query('commit')
    } catch (error) {
      await client.query('rollback').catch(() => {})
      throw error
    }
    found = await readStore(client, relations)
  }
  const kept = found?.partitions ?? 0
  if (partitions !== undefined && partitions !== kept) {
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      `\`partitions\` is ${partitions}, but the store in schema ${relations.schemaName} was made with ${kept}; the count of a store is fixed. Leave the option out or say ${kept}.`,
      { details: { field: 'partitions', asked: partitions, kept } },
    )
  }
  return kept
}

async function migrateFrom(
  client: pg.Client,
  relations: Relations,
  version: number,
  partitions: number,
): Promise<void> {
  if (version === 0) {
    const { rows } = await client.query('select 1 from pg_namespace where nspname = $1', [relations.schemaName])
    // `if not exists` would ask for the right to make schemas also where there is nothing to make.
    if (rows.length === 0) await client.query(`create schema ${relations.schema}`)
  }
  for (let at = version; at < migrations.length; at++) await client.query(migrations[at]!(relations))
  if (version === 0) {
    await client.query(`insert into ${relations.store} (version, partitions) values ($1, $2)`, [
      migrations.length,
      partitions,
    ])
  } else await client.query(`update ${relations.store} set version = $1`, [migrations.length])
}

interface Found {
  readonly version: number
  readonly partitions: number
}

/** Undefined where there is no store yet. */
async function readStore(client: pg.Client, { store, storeName, schemaName }: Relations): Promise<Found | undefined> {
  // Asked of the catalogue itself: what a backend remembers of names may be older than the lock it has just waited for.
  const { rows: there } = await client.query(
    'select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2',
    [schemaName, storeName],
  )
  if (there.length === 0) return undefined
  const { rows } = await client.query<Found>(`select version, partitions from ${store}`)
  const found = rows[0]
  if (found === undefined) {
    throw new TidingsError('TIDINGS_STORE_CORRUPT', `The store in schema ${schemaName} does not say its version.`, {
      details: { table: store },
    })
  }
  if (found.version > migrations.length) {
    throw new TidingsError(
      'TIDINGS_STORE_NEWER',
      `The schema ${schemaName} was written by a newer release of Tidings: its version is ${found.version}, this one knows up to ${migrations.length}. Upgrade @tidings/postgres.`,
      { details: { found: found.version, known: migrations.length } },
    )
  }
  return found
}
