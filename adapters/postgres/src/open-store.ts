import type pg from 'pg'
import { type Host, TidingsError } from 'tidings/spi'

import type { RowTypes } from './commit/encode-plan.ts'
import { connect, destroy } from './connect/connect.ts'
import { migrate } from './migrations/migrate.ts'
import { storeError } from './postgres-errors.ts'
import type { PostgresSettings } from './postgres-options.ts'
import { type PostgresDurability, PostgresStore } from './postgres-store.ts'
import { type Relations, type RowType, relationsOf } from './relations.ts'

/** The oldest major release that is still cared for by its makers when this was written, and has all that we use. */
const oldest = 13

/** Connects, looks at what the server promises, and brings the schema up to date. */
export async function openStore(settings: PostgresSettings, host: Host): Promise<PostgresStore> {
  const client = await connect(settings, host.runtime, 'commit')
  const timer = host.runtime.setTimer(settings.timeout, () => destroy(client))
  try {
    const durability = await readDurability(client, host)
    const relations = relationsOf(settings.schema, settings.table)
    const partitions = await migrate(client, relations, settings.partitions)
    const types = await readTypes(client, relations)
    return new PostgresStore(settings, host, { partitions, durability, types, client })
  } catch (error) {
    destroy(client)
    throw storeError(error, 'Opening the store')
  } finally {
    timer.cancel()
  }
}

async function readTypes(client: pg.Client, { types }: Relations): Promise<RowTypes> {
  const names = Object.keys(types) as RowType[]
  const { rows } = await client.query({
    text: `select ${names.map((_, at) => `$${at + 1}::regtype::oid`).join(', ')}`,
    values: names.map((name) => types[name]),
    rowMode: 'array',
  })
  const numbers = rows[0] as readonly number[]
  return Object.fromEntries(names.map((name, at) => [name, numbers[at]])) as RowTypes
}

interface ServerSettings {
  readonly version: number
  readonly encoding: string
  readonly fsync: string
  readonly pages: string
  readonly commit: string
  readonly standby: boolean
}

/** Refuses servers that cannot keep a store, and says what those that can do not promise. */
async function readDurability(client: pg.Client, host: Host): Promise<PostgresDurability> {
  const { rows } = await client.query<ServerSettings>(`
    select current_setting('server_version_num')::integer / 10000 as version, current_setting('server_encoding') as encoding,
      current_setting('fsync') as fsync, current_setting('full_page_writes') as pages,
      current_setting('synchronous_commit') as commit, pg_is_in_recovery() as standby`)
  const { version, encoding, fsync, pages, commit, standby } = rows[0] as ServerSettings
  if (version < oldest) {
    throw new TidingsError(
      'TIDINGS_NOT_SUPPORTED',
      `PostgreSQL ${version} is too old; ${oldest} is the oldest that will do.`,
      {
        details: { found: version, oldest },
      },
    )
  }
  if (encoding !== 'UTF8') {
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      `The database is encoded as ${encoding}; a store needs one in UTF8.`,
      {
        details: { field: 'database', encoding },
      },
    )
  }
  if (standby) {
    throw new TidingsError(
      'TIDINGS_STORE_UNAVAILABLE',
      'This server is a standby, which only reads. Name the primary.',
      {
        details: { field: 'host' },
      },
    )
  }
  if (commit === 'off') {
    host.log('info', 'PostgreSQL is set to synchronous_commit = off; the store switches it on for its own commits.')
  }
  if (fsync === 'on' && pages === 'on') return 'full'
  host.log(
    'warn',
    'PostgreSQL runs with fsync or full_page_writes off: power loss may take acknowledged events, or the whole database.',
    {
      fsync,
      full_page_writes: pages,
    },
  )
  return 'process'
}
