import { DatabaseSync } from 'node:sqlite'

import { migrate, schemaVersion } from './migrations/migrate.ts'
import { Guard } from './sql/guard.ts'
import { UserStatements } from './sql/user-statements.ts'
import type { SqliteDurability, SqliteSettings } from './sqlite-options.ts'

/** Pages cached by a connection, in KiB: the upper levels and the right edges of all indexes of a file of some GB. */
const cache = 16_384

/** Bytes that the write-ahead log may keep on disk after a burst. */
const walKept = 67_108_864

export interface Connection {
  readonly db: DatabaseSync
  readonly guard: Guard
  readonly users: UserStatements
}

/** Opens the file and brings it up to date. Throws what SQLite throws, busy included: nothing is half done then. */
export function openFile(settings: SqliteSettings): {
  readonly connection: Connection
  readonly partitions: number
  readonly wal: boolean
} {
  const db = openDatabase(settings.path)
  try {
    // A file that is not for us is left as it is, down to its journal mode.
    schemaVersion(db, settings.path)
    const wal = Object.values(db.prepare('pragma journal_mode = wal').get() ?? {})[0] === 'wal'
    configure(db, settings.durability, settings.maxBytes)
    const partitions = migrate(db, settings.path, settings.partitions)
    return { connection: connectionOf(db), partitions, wal }
  } catch (error) {
    db.close()
    throw error
  }
}

/** Another connection to a file that is open already. */
export function openBeside(settings: SqliteSettings): Connection {
  const db = openDatabase(settings.path)
  try {
    configure(db, settings.durability, settings.maxBytes)
    return connectionOf(db)
  } catch (error) {
    db.close()
    throw error
  }
}

export function connectionOf(db: DatabaseSync): Connection {
  const guard = new Guard(db)
  return { db, guard, users: new UserStatements(db, guard) }
}

function openDatabase(path: string): DatabaseSync {
  // The main thread must never wait inside SQLite: who is busy is told so at once.
  return new DatabaseSync(path, { timeout: 0 })
}

function configure(db: DatabaseSync, durability: SqliteDurability, maxBytes: number | undefined): void {
  db.exec(`pragma synchronous = ${durability}; pragma cache_size = -${cache}; pragma journal_size_limit = ${walKept}`)
  if (maxBytes === undefined) return
  const pageSize = Number(Object.values(db.prepare('pragma page_size').get() ?? {})[0])
  db.exec(`pragma max_page_count = ${Math.floor(maxBytes / pageSize)}`)
}
