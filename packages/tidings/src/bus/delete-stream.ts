import { TidingsError } from '../kernel/errors.ts'
import type { CommitResult, DocumentChange, Store, StreamName, Unit } from '../store/store.ts'
import { removeGone } from './remove-gone.ts'
import { passedByAll } from './retention.ts'
import { snapshotIds, snapshotsCollection } from './snapshot-documents.ts'
import { archiveCollection, archivedIds } from './stream-archive.ts'
import { goneThrough, type KnownNote, putNote, readNote } from './stream-note.ts'

export interface DeleteStreamOptions {
  /** The version the stream must stand at; else the call rejects with `TIDINGS_CONFLICT` and nothing is deleted. Default: whatever it stands at. */
  readonly expectedVersion?: number
  /**
   * What to do where a registered subscription, an open replay or something parked still needs an event of it. `refuse`: reject with `TIDINGS_CONFLICT`.
   * `delete`: they go without it. Default `refuse`.
   */
  readonly unread?: 'refuse' | 'delete'
}

export interface DeletedStream {
  /** Events that were removed from log and archive. */
  readonly removed: number
  /** The version at which the stream goes on: the next event gets the one after it. */
  readonly version: number
}

/** Looks again when somebody else writes to the stream meanwhile, this many times. */
const tries = 20

/**
 * Takes all events of a stream out of log and archive, and its snapshots with them. Its versions go on counting, so that whoever has read it before can
 * tell. From the commit on nobody reads them, even when the process dies before all are removed.
 */
export async function deleteStream(
  store: Store,
  stream: StreamName,
  options: DeleteStreamOptions = {},
): Promise<DeletedStream> {
  const { expectedVersion, unread = 'refuse' } = checked(options)
  let actual: number | undefined
  for (let attempt = 1; attempt <= tries; attempt++) {
    const known = await readNote(store, stream)
    const { note } = known
    const [last] = await store.readStream(stream, { reverse: true, limit: 1 })
    const version = actual ?? Math.max(last?.streamVersion ?? 0, goneThrough(note))
    if (expectedVersion !== undefined && expectedVersion !== version) throw conflict(expectedVersion, version)
    if (version === note.deleted) return { removed: await removeGone(store, known), version }
    const needed = last !== undefined && last.streamVersion > goneThrough(note) && unread === 'refuse'
    if (needed && (await passedByAll(store, last.partition)) < last.position) throw stillNeeded(version)
    const archived = await archivedIds(store, stream)
    const next: KnownNote = {
      version: known.version + 1,
      note: { ...note, deleted: version, archived: 0, removing: last?.position ?? 0 },
    }
    const result = await commitOne(store, {
      ...mark(known, next, stream, version),
      documents: [...putNote(known, next.note).documents, ...(await gone(store, stream, archived))],
    })
    if (result.status === 'committed') {
      const inArchive = Math.max(0, note.archived - note.deleted)
      return { removed: inArchive + (await removeGone(store, next)), version }
    }
    // Where all of it has left the log, only the store itself knows how far it has counted.
    actual = result.status === 'conflict' && 'stream' in result.expectation ? result.actual : undefined
  }
  throw new TidingsError(
    'TIDINGS_CONFLICT',
    `The stream was written to again and again; ${tries} tries to delete it failed.`,
  )
}

function mark(known: KnownNote, next: KnownNote, stream: StreamName, version: number): Unit {
  return { expect: [{ stream, version }, ...putNote(known, next.note).expect] }
}

async function gone(store: Store, stream: StreamName, archived: readonly string[]): Promise<readonly DocumentChange[]> {
  const snapshots = await snapshotIds(store, stream, Number.POSITIVE_INFINITY)
  return [
    ...snapshots.map((id) => ({ collection: snapshotsCollection, id, delete: true as const })),
    ...archived.map((id) => ({ collection: archiveCollection, id, delete: true as const })),
  ]
}

async function commitOne(store: Store, unit: Unit): Promise<Exclude<CommitResult, { status: 'refused' }>> {
  const [result] = await store.commit([unit])
  if (result === undefined || result.status === 'refused')
    throw result?.error ?? new TidingsError('TIDINGS_COMMIT_UNKNOWN', 'The store has not answered.')
  return result
}

function checked(options: DeleteStreamOptions): DeleteStreamOptions {
  const { expectedVersion, unread } = options
  if (expectedVersion !== undefined && !(Number.isSafeInteger(expectedVersion) && expectedVersion >= 0))
    throw invalid('expectedVersion', 'to be a whole number of at least 0')
  if (unread !== undefined && unread !== 'refuse' && unread !== 'delete')
    throw invalid('unread', "to be 'refuse' or 'delete'")
  return options
}

function conflict(expected: number, actual: number): TidingsError {
  return new TidingsError(
    'TIDINGS_CONFLICT',
    `The stream does not stand at the \`expectedVersion\` ${expected}; it stands at ${actual}.`,
    { details: { field: 'expectedVersion', expected, actual } },
  )
}

function stillNeeded(version: number): TidingsError {
  return new TidingsError(
    'TIDINGS_CONFLICT',
    "A subscription, a replay or something parked still needs an event of this stream. Wait for it, or say `unread: 'delete'`.",
    { details: { field: 'unread', version } },
  )
}

function invalid(field: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', `Expected \`${field}\` ${rule}.`, { details: { field } })
}
