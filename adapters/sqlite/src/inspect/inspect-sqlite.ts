import { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'

import { realRuntime, TidingsError } from 'tidings/spi'

import { readPartitions, schemaVersion } from '../migrations/migrate.ts'
import { openError } from '../open-error.ts'
import { retryBusy } from '../retry-busy.ts'
import { isCorrupt } from '../sqlite-errors.ts'
import { type Finding, Findings } from './findings.ts'
import { inspectDocuments } from './inspect-documents.ts'
import { inspectEvents } from './inspect-events.ts'
import { inspectStreams } from './inspect-streams.ts'

export interface InspectOptions {
  /** Called now and then. `done` and `total` count within a step, in units of its own. */
  readonly progress?: (progress: InspectProgress) => void
  readonly signal?: AbortSignal
}

export interface InspectProgress {
  readonly step: 'file' | 'events' | 'streams' | 'documents'
  readonly done: number
  readonly total: number
}

/** What was found in a file. Nothing but `findings` being empty says that all is well. */
export interface Inspection {
  readonly path: string
  readonly schemaVersion: number
  readonly partitions: number
  /** How many could be read. */
  readonly events: number
  readonly streams: number
  readonly documents: number
  /** The first 1,000. */
  readonly findings: readonly Finding[]
  /** How many more there were. */
  readonly more: number
}

const mostFindings = 1_000

/**
 * Looks at every row of a file and tells what is wrong with it, as of one moment, while others may go on writing. Changes
 * nothing. Rejects where there is nothing to look at: TIDINGS_STORE_UNAVAILABLE, TIDINGS_STORE_NEWER, TIDINGS_NOT_FOUND for a
 * file that Tidings was never in, or the signal's reason.
 */
export async function inspectSqlite(path: string, options: InspectOptions = {}): Promise<Inspection> {
  options.signal?.throwIfAborted()
  const findings = new Findings(mostFindings)
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: 0 })
    return await inspect(db, path, options, findings)
  } catch (error) {
    if (!isCorrupt(error)) throw openError(error, path)
    findings.add('file', 'the file', path, `SQLite cannot read it: ${(error as Error).message}.`)
    const nothing = { schemaVersion: 0, partitions: 0, events: 0, streams: 0, documents: 0 }
    return { path, ...nothing, findings: findings.list, more: findings.more }
  } finally {
    db?.close()
  }
}

async function inspect(
  db: DatabaseSync,
  path: string,
  options: InspectOptions,
  findings: Findings,
): Promise<Inspection> {
  // One transaction, so that all steps see the same moment. It begins with the first look, which others may delay.
  const { version, partitions } = await retryBusy(
    { runtime: realRuntime(), busyTimeout: 10_000 },
    () => {
      if (!db.isTransaction) db.exec('begin')
      const found = schemaVersion(db, path)
      return { version: found, partitions: found === 0 ? 0 : readPartitions(db, path) }
    },
    options.signal,
  )
  if (version === 0) {
    throw new TidingsError('TIDINGS_NOT_FOUND', `${path} is an SQLite file, but holds no Tidings store.`, {
      details: { field: 'path' },
    })
  }

  const tell = (step: InspectProgress['step'], done: number, total: number): void =>
    options.progress?.({ step, done, total })
  const pause = async (): Promise<void> => {
    await turn()
    options.signal?.throwIfAborted()
  }

  // A step that cannot go on says so, and the next one begins.
  const walk = async (
    step: InspectProgress['step'],
    table: string,
    steps: () => Iterable<{ readonly done: number; readonly total: number; readonly rows: number }>,
  ): Promise<number> => {
    let seen = 0
    try {
      for (const { done, total, rows } of steps()) {
        seen = rows
        tell(step, done, total)
        await pause()
      }
    } catch (error) {
      if (!isCorrupt(error)) throw error
      findings.add('file', table, `after ${seen} rows`, `SQLite cannot read on: ${(error as Error).message}.`)
    }
    return seen
  }
  await walk('file', 'the file', () => inspectFile(db, findings))
  const counts = {
    events: await walk('events', 'tidings_events', () => inspectEvents(db, partitions, findings)),
    streams: await walk('streams', 'tidings_streams', () => inspectStreams(db, findings)),
    documents: await walk('documents', 'tidings_documents', () => inspectDocuments(db, findings)),
  }
  return { path, schemaVersion: version, partitions, ...counts, findings: findings.list, more: findings.more }
}

/** SQLite's own check, in one go: pages, trees, indexes, types. */
function* inspectFile(
  db: DatabaseSync,
  findings: Findings,
): Generator<{ readonly done: number; readonly total: number; readonly rows: number }> {
  yield { done: 0, total: 1, rows: 0 }
  for (const row of db.prepare('pragma integrity_check').all()) {
    const message = String(Object.values(row)[0])
    if (message !== 'ok') findings.add('file', 'the file', 'integrity_check', message)
  }
  yield { done: 1, total: 1, rows: 0 }
}
