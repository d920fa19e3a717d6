import type { DatabaseSync } from 'node:sqlite'

import { TidingsError } from 'tidings/spi'

import { migrations } from './migrations.ts'

/** `PRAGMA application_id` of files that Tidings owns: the letters TDNG. */
export const applicationId = 0x54444e47

const defaultPartitions = 8

/**
 * Brings the file to the schema of this release and returns its partition count. A file that holds tables of the user's
 * alone is joined; one that belongs to another application, or to a newer release, is refused untouched.
 */
export function migrate(db: DatabaseSync, path: string, partitions: number | undefined): number {
  // Most openings find nothing to do, and need not wait for a writer to learn so.
  if (schemaVersion(db, path) < migrations.length) {
    db.exec('begin immediate')
    try {
      // Another process may have been faster.
      const from = schemaVersion(db, path)
      for (let at = from; at < migrations.length; at++) db.exec(migrations[at] as string)
      if (from === 0) setPartitions(db, partitions ?? defaultPartitions)
      db.exec(`pragma application_id = ${applicationId}; pragma user_version = ${migrations.length}; commit`)
    } catch (error) {
      if (db.isTransaction) db.exec('rollback')
      throw error
    }
  }
  const kept = readPartitions(db, path)
  if (partitions !== undefined && partitions !== kept) {
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      `\`partitions\` is ${partitions}, but ${path} was made with ${kept}; the count of a file is fixed. Leave the option out or say ${kept}.`,
      { details: { field: 'partitions', asked: partitions, kept } },
    )
  }
  return kept
}

/** The schema version of the file, 0 where Tidings was never in it. */
export function schemaVersion(db: DatabaseSync, path: string): number {
  const owner = pragma(db, 'application_id')
  const version = pragma(db, 'user_version')
  if (owner === 0 && version === 0) return 0
  if (owner !== applicationId) {
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      `${path} belongs to another application (its application_id is ${owner}, its user_version ${version}). Name a file of its own for Tidings.`,
      { details: { field: 'path', applicationId: owner, userVersion: version } },
    )
  }
  if (version > migrations.length) {
    throw new TidingsError(
      'TIDINGS_STORE_NEWER',
      `${path} was written by a newer release of Tidings: its schema is ${version}, this one knows up to ${migrations.length}. Upgrade @tidings/sqlite.`,
      { details: { found: version, known: migrations.length } },
    )
  }
  return version
}

export function readPartitions(db: DatabaseSync, path: string): number {
  const row = db.prepare("select value from tidings_meta where name = 'partitions'").get()
  const value = row?.['value']
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) {
    throw new TidingsError('TIDINGS_STORE_CORRUPT', `${path} does not say its partition count.`, {
      details: { table: 'tidings_meta', row: 'partitions' },
    })
  }
  return value
}

function setPartitions(db: DatabaseSync, partitions: number): void {
  db.prepare("insert into tidings_meta (name, value) values ('partitions', ?), ('pruned', 0)").run(partitions)
}

function pragma(db: DatabaseSync, name: 'application_id' | 'user_version'): number {
  return Number(Object.values(db.prepare(`pragma ${name}`).get() ?? {})[0])
}
